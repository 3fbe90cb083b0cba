/* Speaks lines through libespeak-ng and writes samples plus phoneme events with their sample times.
 * stdin, one job a line: BASE<tab>VOICE<tab>RATE<tab>PITCH<tab>TEXT
 * writes BASE.pcm (s16le, mono) and BASE.ph: first line "rate <hz>", then "<milliseconds><tab><IPA>" for each phoneme.
 * build: gcc -O2 espeak_phonemes.c -o espeak_phonemes -lespeak-ng */
#include <espeak-ng/speak_lib.h>
#include <stdio.h>
#include <string.h>

static FILE *samples;
static FILE *phonemes;

static int on_audio(short *pcm, int count, espeak_EVENT *event) {
  if (pcm && count > 0) fwrite(pcm, sizeof(short), (size_t)count, samples);
  for (; event->type != espeakEVENT_LIST_TERMINATED; event++) {
    if (event->type == espeakEVENT_PHONEME) fprintf(phonemes, "%d\t%.8s\n", event->audio_position, event->id.string);
  }
  return 0;
}

int main(void) {
  const int rate_hz =
      espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 200, NULL, espeakINITIALIZE_PHONEME_EVENTS | espeakINITIALIZE_PHONEME_IPA);
  if (rate_hz <= 0) return 2;
  espeak_SetSynthCallback(on_audio);
  char line[8192];
  while (fgets(line, sizeof line, stdin)) {
    char *rest = line;
    const char *base = strsep(&rest, "\t");
    const char *voice = strsep(&rest, "\t");
    const char *speed = strsep(&rest, "\t");
    const char *pitch = strsep(&rest, "\t");
    if (!rest) return 3;
    rest[strcspn(rest, "\n")] = 0;
    int speed_wpm = 0, pitch_percent = 0;
    sscanf(speed, "%d", &speed_wpm);
    sscanf(pitch, "%d", &pitch_percent);
    if (espeak_SetVoiceByName(voice) != EE_OK) {
      fprintf(stderr, "no espeak-ng voice %s\n", voice);
      continue;
    }
    espeak_SetParameter(espeakRATE, speed_wpm, 0);
    espeak_SetParameter(espeakPITCH, pitch_percent, 0);
    char path[1024];
    snprintf(path, sizeof path, "%s.pcm", base);
    samples = fopen(path, "wb");
    snprintf(path, sizeof path, "%s.ph", base);
    phonemes = fopen(path, "w");
    if (!samples || !phonemes) return 4;
    fprintf(phonemes, "rate\t%d\n", rate_hz);
    espeak_Synth(rest, strlen(rest) + 1, 0, POS_CHARACTER, 0, espeakCHARS_UTF8, NULL, NULL);
    espeak_Synchronize();
    fclose(samples);
    fclose(phonemes);
  }
  espeak_Terminate();
  return 0;
}
