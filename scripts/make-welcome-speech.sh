#!/bin/sh
# Makes src/app/welcome.wav, the speech that is played where there is no microphone. Text by the MuseCam authors, voice
# "slt" of flite (apt install flite sox). 16 kHz, mono, 16 bit. The pauses are there to show the avatar at rest.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT

say() { # say NUMBER PAUSE_SECONDS TEXT
  flite -voice slt --setf duration_stretch=1.08 -t "$3" -o "$folder/$1.wav"
  sox "$folder/$1.wav" -r 16000 -b 16 -c 1 "$folder/p$1.wav" gain -n -6 fade 0.01 -0 0.02 pad 0 "$2"
}

say 1 0.9 "Hello! I am your MuseCam avatar."
say 2 0.8 "I could not find a microphone, so I am talking to you from a recording."
say 3 1.6 "Plug one in, start me again, and I will move my mouth to your own voice, live, on this machine."
say 4 2.6 "While nobody speaks, I just wait. I blink, I breathe, and I look around a little."
say 5 0.7 "Pick another avatar on this page, or press one of the number keys."
say 6 3.2 "Maybe bring a picture of somebody who agrees, and make a new avatar from it."

sox "$folder/p1.wav" "$folder/p2.wav" "$folder/p3.wav" "$folder/p4.wav" "$folder/p5.wav" "$folder/p6.wav" src/app/welcome.wav
