import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HealthReport, OpenVideoOutput, VideoOutputOptions } from '../../api/contributions.ts';
import { type AudioChunk, FRAME_MS, type Size, type VideoFrame } from '../../api/media.ts';
import { PictureMaker } from './picture-maker.ts';
import type { PageAddress } from './picture-source.ts';
import { StreamClock } from './stream-clock.ts';
import { createStreamKey, StreamDoor } from './stream-door.ts';
import { parseFormat, type StreamFormat, type WantedFormat } from './stream-format.ts';
import { type Framing, MatroskaFraming, PageFraming } from './stream-framing.ts';
import { answerPage } from './stream-page.ts';
import { keepStreamPlace, readStreamPlace } from './stream-place.ts';
import { StreamReader } from './stream-reader.ts';
import { VoiceTrack } from './voice-track.ts';

/** Programs that may read at the same time: OBS opens one for each source, and a second while it probes. */
const READER_LIMIT = 8;
/** Connections at the same time, of readers and of those that have asked nothing yet. */
const MOST_CONNECTIONS = 64;
/** Who takes nothing for this long is cut off, in ms. */
const STALL_MS = 5_000;
/** How often the counters in the status are brought up to date, in ms. */
const REPORT_EVERY_MS = 1_000;
/** After a pause longer than this the sound goes on from the present, in ms. */
const LONGEST_SOUND_MS = 2_000;

/** How the stream is made; what is left out is as the settings' defaults have it. */
export interface StreamChoices {
  /** What the address for OBS asks for; readers may ask for something else. */
  readonly format?: WantedFormat;
  readonly sound?: boolean;
  /** File in which port and key are kept, so that both stay the same; default: new ones each time. */
  readonly placePath?: string;
  readonly stallMs?: number;
  /** Told when readers were sent away because their stream cannot go on: the show has become transparent, or opaque. */
  readonly onChangeover?: () => void;
}

/**
 * The picture, and the voice where somebody wants it, as a stream that a Media Source of OBS opens on 127.0.0.1, and as a
 * transparent page for its Browser Source. Who wants it needs its address. Each layout is made once for all its readers,
 * and only while there are any.
 */
export class StreamOutput implements OpenVideoOutput {
  readonly label = 'OBS media source';
  readonly wantsSound = false;
  readonly takesBetween = true;
  readonly #size: Size;
  readonly #choices: StreamChoices;
  readonly #onHealth: (report: HealthReport) => void;
  readonly #maker: PictureMaker;
  readonly #clock = new StreamClock();
  readonly #readers = new Set<StreamReader>();
  readonly #server = createServer({ headersTimeout: 5_000, requestTimeout: 5_000 }, (request, response) =>
    this.#answer(request, response),
  );
  #door = new StreamDoor(createStreamKey());
  /** Only while somebody wants to hear it. */
  #voice: VoiceTrack | undefined;
  /** Up to where the voice was sent, in ms of the clock. */
  #heardMs = 0;
  #isSilent = false;
  #port = 0;
  #skipped = 0;
  #cut = 0;
  #isTransparent = false;
  #reported = '';
  #reportedAtMs = Number.NEGATIVE_INFINITY;

  private constructor(options: VideoOutputOptions, choices: StreamChoices) {
    this.#size = { width: options.width, height: options.height };
    this.#choices = choices;
    this.#onHealth = options.onHealth;
    this.#server.maxConnections = MOST_CONNECTIONS;
    this.#maker = new PictureMaker(this.#size, options.log);
  }

  /** Listens where it was the last time, or on any free port, then with a new key. */
  static async open(options: VideoOutputOptions, choices: StreamChoices = {}): Promise<StreamOutput> {
    const output = new StreamOutput(options, choices);
    const { placePath } = choices;
    const before = placePath === undefined ? undefined : await readStreamPlace(placePath);
    if (before && (await output.#listen(before.port).catch(() => false))) output.#door = new StreamDoor(before.key);
    else {
      await output.#listen(0);
      const place = { port: output.#port, key: output.#door.key };
      // Where another show has the port, that one keeps it.
      if (placePath !== undefined && !before) await keepStreamPlace(placePath, place, options.log);
    }
    output.#report();
    return output;
  }

  /** The address for OBS's media source, as the settings want it. */
  get address(): string {
    const { format = 'auto', sound = false } = this.#choices;
    return this.#addressOf('/avatar.mkv', `&format=${format}${sound ? '&sound=1' : ''}`);
  }

  /** As OBS reads it, with nothing looked at beforehand. */
  get readBack(): readonly string[] {
    const atOnce = ['-probesize', '32', '-analyzeduration', '0', '-fflags', 'nobuffer'];
    return ['-f', 'matroska', ...atOnce, '-i', this.#addressOf('/avatar.mkv', '&format=i420')];
  }

  /** The transparent page for OBS's browser source. */
  get page(): PageAddress {
    return { address: this.#addressOf('/obs'), ...this.#size };
  }

  async send(frame: VideoFrame): Promise<void> {
    this.#isTransparent = frame.alpha !== undefined;
    const atMs = this.#clock.at(frame);
    this.#sendVoice(atMs);
    await Promise.all(
      [...this.#groupReaders(frame)].map(async ([format, readers]) => {
        using picture = await this.#maker.make(format, frame);
        for (const reader of readers) reader.show({ picture, format, atMs });
      }),
    );
    if (performance.now() - this.#reportedAtMs >= REPORT_EVERY_MS) this.#report();
  }

  hearVoice(chunk: AudioChunk): void {
    this.#voice?.hear(chunk);
  }

  setSilent(isSilent: boolean): void {
    this.#isSilent = isSilent;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const reader of this.#readers) reader[Symbol.dispose]();
    this.#server.closeAllConnections();
    await closed;
  }

  #addressOf(path: string, more = ''): string {
    return `http://127.0.0.1:${this.#port}${path}?key=${this.#door.key}${more}`;
  }

  #listen(port: number): Promise<true> {
    return new Promise((resolve, reject) => {
      const tell = (thrown: Error) => reject(thrown);
      this.#server.once('error', tell);
      this.#server.listen(port, '127.0.0.1', () => {
        this.#server.off('error', tell);
        this.#port = (this.#server.address() as AddressInfo).port;
        resolve(true);
      });
    });
  }

  /** Readers by the layout they want. Those whose stream cannot go on with this picture are sent away. */
  #groupReaders(frame: VideoFrame): Map<StreamFormat, StreamReader[]> {
    const groups = new Map<StreamFormat, StreamReader[]>();
    let isChangeover = false;
    for (const reader of this.#readers) {
      const format = reader.formatFor(frame);
      if (format === undefined) {
        isChangeover ||= !reader.isOver;
        reader[Symbol.dispose]();
        continue;
      }
      const group = groups.get(format);
      if (group) group.push(reader);
      else groups.set(format, [reader]);
    }
    if (isChangeover) this.#choices.onChangeover?.();
    return groups;
  }

  /** The voice up to the end of the picture that is about to be sent. */
  #sendVoice(pictureMs: number): void {
    const listeners = [...this.#readers].filter(({ framing }) => framing.hasSound);
    if (listeners.length === 0) {
      this.#voice = undefined;
      return;
    }
    this.#voice ??= new VoiceTrack();
    const untilMs = pictureMs + FRAME_MS;
    if (untilMs - this.#heardMs > LONGEST_SOUND_MS) this.#heardMs = pictureMs;
    if (untilMs <= this.#heardMs) return;
    const pcm = this.#voice.read(this.#clock.capturedAt(this.#heardMs), untilMs - this.#heardMs);
    if (this.#isSilent) pcm.fill(0);
    for (const reader of listeners) reader.hear(pcm, this.#heardMs);
    this.#heardMs = untilMs;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    // What stands in a request line may be anything.
    const [asked = '/', base] = [request.url, 'http://127.0.0.1'] as const;
    if (!URL.canParse(asked, base)) return void response.writeHead(400).end();
    const url = new URL(asked, base);
    const refusal = this.#door.refuse(request, url, this.#port);
    if (refusal !== undefined) return void response.writeHead(refusal).end();
    if (!answerPage(url.pathname, response)) this.#answerReader(request, response, url);
  }

  #answerReader(request: IncomingMessage, response: ServerResponse, url: URL): void {
    const framing = this.#framingFor(url);
    if (typeof framing === 'number') return void response.writeHead(framing).end();
    const headers = {
      'Content-Type': framing.contentType,
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      Connection: 'close',
    };
    if (request.method === 'HEAD') return void response.writeHead(200, headers).end();
    if (this.#readers.size >= READER_LIMIT) return void response.writeHead(503, { 'Retry-After': '1' }).end();
    request.socket.setNoDelay(true);
    response.writeHead(200, headers).flushHeaders();
    this.#admit(response, framing);
  }

  #admit(response: ServerResponse, framing: Framing): void {
    const reader = new StreamReader(response, framing, this.#choices.stallMs ?? STALL_MS, () => this.#cut++);
    this.#readers.add(reader);
    response.on('error', () => response.destroy());
    response.once('close', () => {
      this.#readers.delete(reader);
      this.#skipped += reader.skipped;
      this.#report();
    });
    this.#report();
  }

  /** What somebody asks for, or the status to refuse it with. */
  #framingFor({ pathname, searchParams }: URL): Framing | 400 | 404 {
    const format = parseFormat(searchParams.get('format') ?? 'auto');
    if (pathname === '/avatar.mkv' && format)
      return new MatroskaFraming(this.#size, format, searchParams.get('sound') === '1');
    if (pathname === '/avatar.raw') return new PageFraming(this.#size);
    return format ? 404 : 400;
  }

  /** Who reads, and how they keep up. */
  #report(): void {
    this.#reportedAtMs = performance.now();
    const readers = [...this.#readers];
    const skipped = readers.reduce((sum, reader) => sum + reader.skipped, this.#skipped);
    const kinds = readers.map(({ description }) => description ?? 'new');
    const parts = [readers.length === 0 ? 'nobody reads' : `read as ${kinds.join(', ')}`];
    if (skipped > 0) parts.push(`pictures left out for slow readers: ${skipped}`);
    if (this.#cut > 0) parts.push(`readers cut off that took nothing: ${this.#cut}`);
    // Somebody wanted alpha and there is none: the avatar has no matte, or its background is kept.
    const isOpaque = !this.#isTransparent && readers.some(({ description }) => description?.startsWith('rgba'));
    if (isOpaque) parts.push('opaque, because the background is not transparent');
    const detail = parts.join('; ');
    if (detail === this.#reported) return;
    this.#reported = detail;
    const fix = isOpaque ? { fix: `musecam run background.set '{"background":"transparent"}'` } : {};
    this.#onHealth({ state: 'ready', detail, ...fix });
  }
}
