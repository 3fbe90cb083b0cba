import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine } from '../scan.ts';

/** Name of the EFI variable that says whether Secure Boot is on: 4 bytes of attributes, then 1 or 0. */
const SECURE_BOOT = 'SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';
/** Where distributions keep the key that they sign home-built modules with: Ubuntu, Debian, Fedora. */
const SIGNING_KEYS = [
  'var/lib/shim-signed/mok/MOK.der',
  'var/lib/dkms/mok.pub',
  'etc/pki/akmods/certs/public_key.der',
] as const;

/** Where v4l2loopback stands on this machine. */
export type ModuleState =
  | { readonly at: 'loaded' }
  | { readonly at: 'installed' }
  /** Installed, but only for these kernels, not for the running one. */
  | { readonly at: 'other-kernel'; readonly kernels: readonly string[]; readonly kernel: string }
  | { readonly at: 'missing' };

/** Looks at sysfs and at the module folders; loads nothing. */
export async function readModuleState(machine: Machine): Promise<ModuleState> {
  if (await exists(join(machine.sys, 'module', 'v4l2loopback'))) return { at: 'loaded' };
  const kernel = await machine.kernel();
  const kernels = await findKernelsWithModule(machine.modules);
  if (kernels.includes(kernel)) return { at: 'installed' };
  return kernels.length > 0 ? { at: 'other-kernel', kernels, kernel } : { at: 'missing' };
}

/** Whether the kernel refuses modules that nobody it trusts has signed. */
export async function refusesUnsigned({ sys }: Pick<Machine, 'sys'>): Promise<boolean> {
  const enforced = await readFile(join(sys, 'module', 'module', 'parameters', 'sig_enforce'), 'utf8').catch(() => '');
  if (enforced.startsWith('Y')) return true;
  const value = await readFile(join(sys, 'firmware', 'efi', 'efivars', SECURE_BOOT)).catch(() => undefined);
  return value?.[4] === 1;
}

/**
 * How the key that signs modules built on this machine becomes one that its firmware trusts (machine owner key, MOK).
 * The firmware asks for it once, at the next start, because nobody but a person in front of the machine may agree.
 */
export async function explainSigning({ root }: Pick<Machine, 'root'>): Promise<string> {
  let key: string = SIGNING_KEYS[1];
  for (const candidate of SIGNING_KEYS) {
    if (!(await exists(join(root, candidate)))) continue;
    key = candidate;
    break;
  }
  return `Run: sudo mokutil --import /${key}, think of a password, restart, and choose "Enroll MOK" with it in the blue menu. Or switch Secure Boot off in the firmware.`;
}

/** The command with which this distribution installs the module, with the headers it is built against. */
export async function installCommand({ root, kernel }: Pick<Machine, 'root' | 'kernel'>): Promise<string> {
  const release = await readFile(join(root, 'etc', 'os-release'), 'utf8').catch(() => '');
  const names = [...release.matchAll(/^ID(?:_LIKE)?=(.*)$/gm)].map(([, value]) => value!.replaceAll(/["']/g, ''));
  const isLike = (...wanted: string[]) => names.some((name) => name.split(' ').some((word) => wanted.includes(word)));
  if (isLike('fedora', 'rhel')) return 'sudo dnf install akmod-v4l2loopback (from RPM Fusion: https://rpmfusion.org)';
  if (isLike('arch')) return 'sudo pacman -S v4l2loopback-dkms linux-headers';
  if (isLike('suse', 'opensuse')) return 'sudo zypper install v4l2loopback-kmp-default';
  return `sudo apt install v4l2loopback-dkms linux-headers-${await kernel()}`;
}

/** The command that builds an installed module for the running kernel. */
export async function rebuildCommand({ root, kernel }: Pick<Machine, 'root' | 'kernel'>): Promise<string> {
  const install = await installCommand({ root, kernel });
  if (install.includes('dnf')) return 'sudo akmods --force';
  if (install.includes('zypper')) return 'sudo zypper update v4l2loopback-kmp-default';
  return install.includes('pacman')
    ? 'sudo pacman -S linux-headers && sudo dkms autoinstall'
    : `sudo apt install linux-headers-${await kernel()} && sudo dkms autoinstall`;
}

async function findKernelsWithModule(modules: string): Promise<string[]> {
  const found: string[] = [];
  for (const kernel of await readdir(modules).catch(() => [])) {
    const index = await readFile(join(modules, kernel, 'modules.dep'), 'utf8').catch(() => '');
    if (/(^|\/)v4l2loopback\.ko(\.\w+)?:/m.test(index)) found.push(kernel);
  }
  return found;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
