#!/usr/bin/env bash
# Runs a command in a throw-away QEMU guest that has a real v4l2loopback camera, on machines (CI) that have none.
#
#   scripts/v4l2-vm.sh [options] [--] COMMAND [ARG...]   exits with the command's exit code
#   scripts/v4l2-vm.sh [options] --prepare               only installs the tools and builds kernel, module, initramfs
#   scripts/v4l2-vm.sh --check                           exits 0 if all that is done, else says what is missing
#
# The guest runs the distribution's own kernel and its v4l2loopback-dkms, compiled for that kernel. Its root is this
# machine's / over 9p, read-only under a RAM overlay, so node and everything else installed here is there; the project
# folder is mounted read-write at its own path and is the working directory. /tmp and /run are the guest's own. No
# network but lo. Pure emulation: /dev/kvm is not needed. One guest runs at a time, another one waits for it. Debian or
# Ubuntu on x86-64; apt packages are installed if this runs as root, otherwise it says which ones to install. Exit codes
# of our own: 125 the rig failed, 124 time limit.
#
#   -p, --project DIR    folder mounted read-write                     default: the repository this script lies in
#   -t, --timeout SEC    limit for the whole run, boot included        default: 300
#       --modopts STR    v4l2loopback parameters                       default: one device, /dev/video10, exclusive_caps=1
#       --modules LIST   more kernel modules, comma-separated: vivid,snd-aloop
#       --suite SUITE    v4l2loopback of this Debian suite: bookworm-backports, trixie
#   -m, --memory MIB     of the guest                                  default: 2048
#       --steady         time in the guest goes by its instructions, 1 ns each: a machine of one processor that is always
#                        equally fast, however busy this one is, and meets its deadlines. It only takes longer: with the
#                        processor of the guest busy, 3 to 10 s a second
#       --cache DIR      default: $V4L2_VM_CACHE, else the user's cache folder
#       --timing         print boot and command times to stderr
set -euo pipefail

PROJECT=$(realpath "$(dirname "${BASH_SOURCE[0]}")/..")
TIMEOUT=300
MODOPTS='devices=1 video_nr=10 exclusive_caps=1 card_label=MuseCam'
MODULES=
SUITE=
CACHE=${V4L2_VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/musecam/v4l2-vm}
MODE=run
TIMING=0
MEMORY_MIB=2048
CPUS=2
CLOCK=(-accel tcg,thread=multi,tb-size=512)

say() { printf 'v4l2-vm: %s\n' "$*" >&2; }
die() { say "$*"; exit 125; }
usage() { sed -n '2,/^set -euo/{/^set/!s/^# \{0,1\}//p}' "$0"; }

while (($#)); do
  case $1 in
    -p|--project) PROJECT=$2; shift 2 ;;
    -t|--timeout) TIMEOUT=$2; shift 2 ;;
    --modopts) MODOPTS=$2; shift 2 ;;
    --modules) MODULES=$2; shift 2 ;;
    --suite) SUITE=$2; shift 2 ;;
    -m|--memory) MEMORY_MIB=$2; shift 2 ;;
    --cache) CACHE=$2; shift 2 ;;
    --timing) TIMING=1; shift ;;
    --steady) CPUS=1 CLOCK=(-accel tcg,thread=single,tb-size=512 -icount 'shift=0,sleep=on'); shift ;;
    --prepare) MODE=prepare; shift ;;
    --check) MODE=check; shift ;;
    -h|--help) usage; exit 0 ;;
    --) shift; break ;;
    -*) die "unknown option $1 (see --help)" ;;
    *) break ;;
  esac
done
[[ $MODE != run ]] || (($#)) || { usage >&2; exit 125; }
PROJECT=$(realpath -e "$PROJECT") || die "no such project folder"
[[ $PROJECT != / ]] || die "the project folder cannot be /"

# ------------------------------------------------------------------------------------------------------------ tools
# Program and the apt package it comes with.
TOOLS='qemu-system-x86_64 qemu-system-x86
v4l2-ctl v4l-utils
gcc gcc
make make
busybox busybox-static
cpio cpio
modprobe kmod
xz xz-utils'

missing_packages() {
  local program package
  while read -r program package; do
    PATH=$PATH:/usr/sbin:/sbin command -v "$program" > /dev/null || echo "$package"
  done <<< "$TOOLS"
}

# (APT::Sandbox::User: the cache folder need not be readable for the user _apt.)
apt_get() {
  DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600 -o APT::Sandbox::User=root "$@" > /dev/null
}

# Installs packages as root; anybody else is told what to type.
install_packages() {
  ((EUID == 0)) || die "these packages are needed: sudo apt-get install --no-install-recommends $*"
  say "installing $*"
  apt_get update
  apt_get install -y --no-install-recommends "$@"
}

# Whether this machine can have the guest at all.
check_machine() {
  [[ $(uname -m) == x86_64 ]] || { echo 'it needs an x86-64 machine'; return 1; }
  command -v apt-get > /dev/null || { echo 'it needs Debian or Ubuntu (apt)'; return 1; }
}

# Whether --prepare has been run: nothing is installed by a mere test.
check_prepared() {
  check_machine || return 1
  [[ -z $(missing_packages) && -s $CACHE/abi && -s $CACHE/vmlinux ]] &&
    [[ -s $CACHE/v4l2loopback-$(< "$CACHE/abi")${SUITE:+-$SUITE}.ko ]] && return 0
  echo 'run scripts/v4l2-vm.sh --prepare once (as root, or it names the apt packages it needs)'
  return 1
}

# ------------------------------------------------------------------------------------ kernel, module, initramfs (kept)
prepare() {
  local missing; missing=$(missing_packages)
  # shellcheck disable=SC2086
  [[ -z $missing ]] || install_packages $missing
  mkdir -p "$CACHE"
  exec 8> "$CACHE/lock"; flock 8         # two runs at once must not build twice
  [[ -s $CACHE/abi && -s $CACHE/vmlinux ]] || fetch_kernel
  ABI=$(< "$CACHE/abi")
  KO=$CACHE/v4l2loopback-$ABI${SUITE:+-$SUITE}.ko
  [[ -s $KO ]] || build_module
  build_initramfs
  exec 8>&-
}

# Takes the newest kernel that apt knows apart into the cache; nothing is installed, /boot stays as it is.
fetch_kernel() {
  local meta found packages package
  ((EUID == 0)) && apt_get update
  for meta in linux-image-amd64 linux-image-generic; do          # Debian, Ubuntu
    found=$(apt-cache depends "$meta" 2> /dev/null | sed -n 's/.*Depends: linux-image-\([0-9][^ ]*\)$/\1/p' | head -1)
    [[ -z $found ]] || break
  done
  [[ $found ]] || die "apt knows neither linux-image-amd64 nor linux-image-generic"
  say "fetching kernel $found"
  packages=("linux-image-$found")
  [[ $meta == linux-image-amd64 ]] || packages+=("linux-modules-$found" "linux-modules-extra-$found")
  rm -rf "$CACHE/deb" "$CACHE/kernel"; mkdir -p "$CACHE/deb" "$CACHE/kernel"
  (cd "$CACHE/deb" && apt_get download "${packages[@]}")
  for package in "$CACHE"/deb/*.deb; do dpkg -x "$package" "$CACHE/kernel"; done
  rm -rf "$CACHE/deb"
  depmod -b "$CACHE/kernel" "$found"
  unpack_kernel "$CACHE/kernel/boot/vmlinuz-$found" > "$CACHE/vmlinux.part"
  mv "$CACHE/vmlinux.part" "$CACHE/vmlinux"
  echo "$found" > "$CACHE/abi"
}

# Debian's vmlinuz holds an xz stream. QEMU starts the unpacked ELF image directly, which spares the guest seconds of
# decompression under emulation. Other compressions are left to the guest.
unpack_kernel() {
  local at
  at=$(LC_ALL=C grep -abo $'\xfd7zXZ' "$1" | head -1 | cut -d: -f1) || true
  if [[ $at ]]; then tail -c "+$((at + 1))" "$1" | xz -dc --single-stream 2> /dev/null || true; else cat "$1"; fi
}

build_module() {
  local build=$CACHE/build source
  [[ -d /usr/src/linux-headers-$ABI ]] || install_packages "linux-headers-$ABI"
  rm -rf "$build"; mkdir -p "$build"
  (cd "$build" && fetch_module && dpkg -x v4l2loopback-dkms*.deb .)
  source=$(echo "$build"/usr/src/v4l2loopback-*)
  say "building ${source##*/} for $ABI"
  make -s -C "/usr/src/linux-headers-$ABI" M="$source" modules > "$build/log" 2>&1 ||
    { cat "$build/log" >&2; die "v4l2loopback does not build"; }
  strip --strip-debug -o "$KO" "$source/v4l2loopback.ko"
  rm -rf "$build"
}

# Another suite is looked up in package lists of its own, so this machine's apt configuration stays as it is.
fetch_module() {
  [[ $SUITE ]] || { apt_get download v4l2loopback-dkms; return; }
  mkdir -p lists/partial archives/partial
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $SUITE main" > suite.list
  local own=(-o Dir::Etc::sourcelist="$PWD/suite.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$PWD/lists"
    -o Dir::Cache="$PWD" -o Acquire::Languages=none
    -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false)
  apt_get "${own[@]}" update
  apt_get "${own[@]}" download v4l2loopback-dkms
}

build_initramfs() {
  local wanted="virtio_pci 9pnet_virtio 9p overlay virtio_console videodev ${MODULES//,/ }" root module line file
  INITRD=$CACHE/initramfs-$(sha256sum <<< "$wanted $(sha256sum < "$KO") $(sha256sum < "$0")" | cut -c1-12).gz
  [[ ! -s $INITRD ]] || return 0
  root=$(mktemp -d "$CACHE/initramfs.XXXX")
  mkdir -p "$root"/{bin,mod,proc,sys,dev,host,ram,guest}
  cp "$(command -v busybox)" "$root/bin/busybox"
  : > "$root/mod/order"
  for module in $wanted; do
    while read -r line; do
      file=${line#insmod }; file=${file%% *}
      [[ $line != insmod* ]] || grep -qxF "${file##*/}" "$root/mod/order" ||
        { cp "$file" "$root/mod/"; echo "${file##*/}" >> "$root/mod/order"; }
    done < <(modprobe -d "$CACHE/kernel" -S "$ABI" --show-depends "$module")
  done
  cp "$KO" "$root/mod/v4l2loopback.ko"
  guest_init > "$root/init"; chmod +x "$root/init"
  (cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) > "$INITRD.part"
  mv "$INITRD.part" "$INITRD"
  rm -rf "$root"
}

# The guest's process 1.
guest_init() { cat <<'INIT'
#!/bin/busybox sh
export PATH=/bin:/usr/bin:/sbin:/usr/sbin
/bin/busybox --install -s /bin
fail() { echo "v4l2-vm: in the guest: $*" > /dev/console; dmesg | tail -5 > /dev/console; sync; poweroff -f; }
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm; mount -t devpts devpts /dev/pts; mount -t tmpfs shm /dev/shm
while read -r module; do insmod /mod/$module || fail "insmod $module"; done < /mod/order
share=trans=virtio,version=9p2000.L,msize=512000
mount -t 9p -o $share,ro,cache=loose hostroot /host || fail "mount of the host's root"
mount -t tmpfs ram /ram && mkdir /ram/up /ram/work
mount -t overlay -o lowerdir=/host,upperdir=/ram/up,workdir=/ram/work overlay /guest || fail "overlay"
mkdir -p /guest/run /guest/tmp
mount -t tmpfs run /guest/run; mount -t tmpfs tmp /guest/tmp
mkdir -p /guest/run/v4l2vm && mount -t 9p -o $share,cache=none run /guest/run/v4l2vm || fail "mount of the run folder"
. /guest/run/v4l2vm/config
mkdir -p "/guest$PROJECT" && mount -t 9p -o $share,cache=mmap project "/guest$PROJECT" || fail "mount of the project"
ip link set lo up 2> /dev/null || ifconfig lo 127.0.0.1 up
cp /mod/v4l2loopback.ko /guest/run/v4l2loopback.ko
eval "insmod /mod/v4l2loopback.ko $MODOPTS" || fail "insmod v4l2loopback $MODOPTS"
for folder in /proc /sys /dev; do mount -o move $folder /guest$folder; done
out=/dev/console err=/dev/console
for port in /guest/sys/class/virtio-ports/*; do
  case $(cat $port/name 2> /dev/null) in out) out=/dev/${port##*/} ;; err) err=/dev/${port##*/} ;; esac
done
read up _ < /guest/proc/uptime; echo "$up" > /guest/run/v4l2vm/booted
chroot /guest /bin/bash /run/v4l2vm/command < /dev/null > /guest$out 2> /guest$err
code=$?
read up _ < /guest/proc/uptime; echo "$up" > /guest/run/v4l2vm/ended
echo $code > /guest/run/v4l2vm/code
sync; poweroff -f
INIT
}

# --------------------------------------------------------------------------------------------------------- one run
if [[ $MODE == check ]]; then check_prepared; exit; fi
check_machine > /dev/null || die "$(check_machine)"
PATH=$PATH:/usr/sbin:/sbin
prepare
[[ $MODE == run ]] || { say "ready in $CACHE"; exit 0; }

exec 7> "$CACHE/run-lock"; flock 7          # two emulated machines on a few cores would miss each other's deadlines
RUN=$(mktemp -d "${TMPDIR:-/tmp}/v4l2-vm.XXXXXX")
QEMU=
cleanup() { [[ -z $QEMU ]] || kill "$QEMU" 2> /dev/null || true; rm -rf "$RUN"; }
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

printf 'PROJECT=%q\nMODOPTS=%q\n' "$PROJECT" "$MODOPTS" > "$RUN/config"
{
  printf 'export HOME=%q PATH=%q TERM=dumb LANG=C.UTF-8 V4L2_VM=1\ncd %q || exit 125\n' "$HOME" "$PATH" "$PROJECT"
  if (($# == 1)); then printf '%s\n' "$1"; else printf '%q ' "$@"; echo; fi
} > "$RUN/command"

share() { printf 'local,path=%s,mount_tag=%s,security_model=none,multidevs=remap%s' "${2//,/,,}" "$1" "${3:-}"; }
started=$(date +%s.%N)
exec 5> >(exec cat); OUT=$!                # plain pipes, whatever our own stdout and stderr are
exec 6> >(exec cat >&2); ERR=$!
qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -display none -M pc \
  "${CLOCK[@]}" -cpu max -smp "$CPUS" -m "$MEMORY_MIB" \
  -kernel "$CACHE/vmlinux" -initrd "$INITRD" \
  -append "console=ttyS0 quiet loglevel=3 panic=-1 rdinit=/init nokaslr mitigations=off random.trust_cpu=on cryptomgr.notests" \
  -virtfs "$(share hostroot / ,readonly=on)" -virtfs "$(share project "$PROJECT")" -virtfs "$(share run "$RUN")" \
  -device virtio-serial-pci \
  -add-fd fd=5,set=5 -chardev file,id=out,path=/dev/fdset/5,append=on -device virtserialport,chardev=out,name=out \
  -add-fd fd=6,set=6 -chardev file,id=err,path=/dev/fdset/6,append=on -device virtserialport,chardev=err,name=err \
  -serial "file:$RUN/console" < /dev/null 2> "$RUN/qemu" 7>&- &
QEMU=$!
exec 5>&- 6>&-
deadline=$((SECONDS + TIMEOUT)) timed_out=0
while kill -0 "$QEMU" 2> /dev/null; do
  ((SECONDS < deadline)) || { timed_out=1; kill "$QEMU" 2> /dev/null; break; }
  sleep 0.1
done
wait "$QEMU" || true
QEMU=
wait "$OUT" "$ERR" || true                 # all output is out before we say more

if ((TIMING)); then
  awk -v start="$started" -v end="$(date +%s.%N)" -v boot="$(cat "$RUN/booted" 2> /dev/null)" \
    -v done="$(cat "$RUN/ended" 2> /dev/null)" 'BEGIN {
      printf "v4l2-vm: guest up after %.1f s, command %.1f s, whole run %.1f s\n", boot, done - boot, end - start }' >&2
fi
((timed_out)) && { say "time limit of $TIMEOUT s reached"; exit 124; }
[[ -s $RUN/code ]] || { cat "$RUN/qemu" "$RUN/console" >&2; die "the guest ended without a result"; }
exit "$(< "$RUN/code")"
