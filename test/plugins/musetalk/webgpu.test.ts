import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { need } from '../../fakes/need.ts';
import { softwareVulkan } from './stand.ts';

/** What the guest prints of a network. */
interface Line {
  readonly name: string;
  readonly worst: number;
  readonly largest?: number;
  readonly location?: string;
}

/** Largest difference between WebGPU and the processor, as a share of the largest number: what fp32 sums differ by. */
const TOLERANCE = 2e-5;

describe('WebGPU, in software', () => {
  it('runs every node of every network and gives the numbers of the processor', {
    timeout: 300_000,
  }, async (context) => {
    need(context, softwareVulkan !== undefined, "Chromium's software Vulkan (apt install chromium libvulkan1)");
    const guest = fileURLToPath(new URL('./webgpu-guest.ts', import.meta.url));
    const env = { ...process.env, VK_ICD_FILENAMES: softwareVulkan!, VK_DRIVER_FILES: softwareVulkan! };
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', guest], { env });
    const lines = stdout
      .split('\n')
      .filter((text) => text.startsWith('{'))
      .map((text) => JSON.parse(text) as Line);
    const names = ['unet', 'decoder', 'decoder-tiny', 'encoder', 'whisper', 'to-bytes', 'resident'];
    expect(lines.map(({ name }) => name)).toEqual(names);
    for (const { name, worst, largest } of lines) {
      if (largest !== undefined) expect(worst / largest, name).toBeLessThan(TOLERANCE);
    }
    const resident = lines.at(-1)!;
    // Bytes of a picture: the networks' floats against the kernel's whole numbers.
    expect(resident.worst).toBeLessThanOrEqual(2);
    expect(resident.location).toBe('gpu-buffer');
  });
});
