import { join } from 'node:path';
import type { AvatarRef } from '../../api/avatar.ts';
import type { FaceEngine, FaceEngineOptions, OpenFaceEngine } from '../../api/contributions.ts';
import { findPaths } from '../../base/paths.ts';
import { Scope } from '../../base/scope.ts';
import { type AvatarLatentsOptions, latentsOf } from './avatar-latents.ts';
import { checkMusetalk } from './check-musetalk.ts';
import { type Candidate, type ChosenProvider, chooseProvider } from './choose-provider.ts';
import { Ears } from './ears.ts';
import { MusetalkEngine } from './face-engine.ts';
import type { Decoder, FaceNetworks } from './face-networks.ts';
import { HearingNetwork } from './hearing-network.ts';
import { isImported } from './imported-files.ts';
import { ImportedResident } from './imported-resident.ts';
import { FRAME_LATENTS } from './latents-file.ts';
import { findInstalled, type InstalledModel } from './model-folder.ts';
import { FACE_MODELS, modelsFolder, prepareFiles } from './prepare.ts';
import { QualityLadder } from './quality-ladder.ts';
import { CpuResident, GpuResident, type Resident } from './resident.ts';
import { type MusetalkSettings, readMusetalkSettings } from './settings.ts';

/** The record the plugin registers. */
export const musetalkFace: FaceEngine = { check: checkMusetalk, open: openMusetalk, prepare: prepareFiles };

async function openMusetalk(options: FaceEngineOptions, signal: AbortSignal): Promise<OpenFaceEngine> {
  const settings = readMusetalkSettings(options.settings);
  const ids = settings.model === 'auto' ? FACE_MODELS : [settings.model];
  const model = await findInstalled(modelsFolder(), ids);
  const scope = new Scope();
  try {
    return await openInto(scope, options, settings, model, signal);
  } catch (thrown) {
    await scope.close();
    throw thrown;
  }
}

async function openInto(
  scope: Scope,
  options: FaceEngineOptions,
  settings: MusetalkSettings,
  model: InstalledModel,
  signal: AbortSignal,
): Promise<OpenFaceEngine> {
  const chosen = await chooseProvider({
    folder: model.folder,
    candidates: candidatesFor(settings, model, options.isLive),
    decoders: decodersFor(model, options.isLive),
    threads: settings.threads,
    log: options.log,
    signal,
  });
  const networks = scope.use(chosen.networks);
  const isWhole = !options.isLive && settings.hearing !== 'live';
  const hearing = scope.use(
    await HearingNetwork.open({
      folder: model.folder,
      graph: isWhole ? 'parity' : 'live',
      provider: networks.provider,
      ...{ threads: settings.threads, position: settings.position, log: options.log },
    }),
  );
  const ears = new Ears({
    mode: isWhole ? 'parity' : 'live',
    hop: isWhole ? 1 : settings.hop,
    rightTokens: settings.rightTokens,
    channels: networks.channels,
    gate: settings.restInSilence,
    encode: (_graph, mel) => hearing.encode(mel),
  });
  return new MusetalkEngine({
    ...{ ears, networks, settings, options, owned: scope },
    ladder: ladderOf(chosen, options.isLive),
    open: (ref, gpuBytesLeft) => openResident(ref, gpuBytesLeft, { networks, settings, model, signal }),
  });
}

/** What may run the networks, best first. Live, a processor is never taken unless it is asked for. */
export function candidatesFor(
  settings: Pick<MusetalkSettings, 'provider' | 'precision'>,
  { precisions }: Pick<InstalledModel, 'precisions'>,
  isLive: boolean,
): readonly Candidate[] {
  const auto = isLive ? (['cuda', 'webgpu'] as const) : (['cuda', 'webgpu', 'cpu'] as const);
  const providers = settings.provider === 'auto' ? auto : [settings.provider];
  return providers.flatMap((provider) => {
    const isCpu = provider === 'cpu';
    // A processor has no half precision worth the name.
    const order = isCpu ? (['float32', 'float16'] as const) : (['float16', 'float32'] as const);
    const usable = order.filter((one) => precisions.includes(one) && [one, 'auto'].includes(settings.precision));
    // The fused attention of WebGPU is wrong with some drivers; elsewhere it is right and quicker.
    const forms = provider === 'webgpu' ? (['fused', 'plain'] as const) : (['fused'] as const);
    const tried = isCpu ? usable.slice(0, 1) : usable;
    return tried.flatMap((precision) => forms.map((attention) => ({ provider, precision, attention })));
  });
}

/** Off line only the best decoder is ever used. */
function decodersFor(model: InstalledModel, isLive: boolean): readonly Decoder[] {
  return isLive && model.hasTinyDecoder ? ['full', 'tiny'] : ['full'];
}

function ladderOf({ faceMs }: ChosenProvider, isLive: boolean): QualityLadder {
  // Off line every frame has the time it needs.
  return new QualityLadder({ faceMs: isLive ? { full: faceMs.full!, tiny: faceMs.tiny } : { full: 0 } });
}

async function openResident(
  ref: AvatarRef,
  gpuBytesLeft: number,
  parts: { networks: FaceNetworks; settings: MusetalkSettings; model: InstalledModel; signal: AbortSignal },
): Promise<Resident> {
  const { networks, settings, model, signal } = parts;
  const cacheFolder = join(findPaths().cache, 'musetalk');
  const providers = networks.provider === 'webgpu' ? (['webgpu', 'cpu'] as const) : (['cpu'] as const);
  const making: AvatarLatentsOptions = { model, cacheFolder, providers, threads: settings.threads, signal };
  const latents = await latentsOf(ref, making);
  if (isImported(ref)) return ImportedResident.open(ref, latents, networks);
  const canComposite = networks.provider === 'webgpu' && settings.compositing !== 'processor';
  if (canComposite && expectedBytes(ref) <= gpuBytesLeft) {
    return GpuResident.open(ref, latents, { folder: cacheFolder, provider: networks.provider });
  }
  return CpuResident.open(ref, latents, networks);
}

/** At most: latents, and crops and masks of the whole box. */
function expectedBytes({ manifest }: AvatarRef): number {
  const { width, height } = manifest.faceBoxes[0]!;
  return manifest.frameCount * (FRAME_LATENTS * 4 + width * height * 2.5);
}
