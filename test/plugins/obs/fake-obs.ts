import { createHash, randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

type Json = Record<string, unknown>;
type Answer = Json | readonly [number, string];

const none = [600, 'no such source'] as const;

/** How the fake behaves; may be changed while it runs. */
export interface FakeObsOptions {
  port?: number;
  password?: string;
  obsVersion?: string;
  /** Highest version of the protocol it speaks. */
  rpcVersion?: number;
  /** Answers every request with 207. */
  isNotReady?: boolean;
  /** Takes connections and says nothing at all. */
  isSilent?: boolean;
  /** Requests that are never answered. */
  unanswered?: string[];
  /** Requests that fail, with code and comment. */
  failing?: Record<string, [number, string]>;
  hasVirtualCamera?: boolean;
  studioMode?: boolean;
}

interface SceneItem {
  sourceName: string;
  sceneItemId: number;
  sceneItemEnabled?: boolean;
}

interface Source {
  name: string;
  kind: string;
  settings: Json;
}

/**
 * Speaks obs-websocket 5 as its protocol says: Hello with a challenge, Identify, requests with status codes, events, close
 * codes. Behind it are scenes and inputs just real enough for a setup.
 */
export class FakeObs implements AsyncDisposable {
  readonly options: FakeObsOptions;
  readonly #server: WebSocketServer;
  readonly #sockets = new Set<WebSocket>();
  /** Every request, in order. */
  readonly requests: { readonly type: string; readonly data: Json }[] = [];
  /** How often somebody tried to identify. */
  tries = 0;
  program = 'Scene';
  scenes = new Map<string, { items: SceneItem[]; private: Json }>([['Scene', { items: [], private: {} }]]);
  inputs: Source[] = [];
  kinds = ['image_source', 'v4l2_input', 'ffmpeg_source'];
  isCameraOn = false;
  /** Names of hotkeys. */
  hotkeys: string[] = ['OBSBasic.StartRecording'];
  #items = 0;

  private constructor(server: WebSocketServer, options: FakeObsOptions) {
    this.options = options;
    this.#server = server;
    server.on('connection', (socket) => this.#greet(socket));
  }

  static async open(options: FakeObsOptions = {}): Promise<FakeObs> {
    const protocol = 'obswebsocket.json';
    const server = new WebSocketServer({
      port: options.port ?? 0,
      host: '127.0.0.1',
      handleProtocols: (offered) => (offered.has(protocol) ? protocol : false),
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.once('listening', resolve);
    });
    return new FakeObs(server, options);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  /** How many are connected and identified. */
  get clientCount(): number {
    return this.#sockets.size;
  }

  /** Tells everybody. */
  fire(eventType: string, eventData: Json = {}): void {
    for (const socket of this.#sockets) send(socket, 5, { eventType, eventIntent: 1, eventData });
  }

  /** A scene change as OBS tells it: the transition's start, and the scene only at its end. */
  async switchTo(scene: string, transitionMs: number): Promise<void> {
    this.program = scene;
    this.fire('SceneTransitionStarted', { transitionName: 'Fade' });
    await new Promise((resolve) => setTimeout(resolve, transitionMs));
    this.fire('CurrentProgramSceneChanged', { sceneName: scene });
  }

  /** Shows or hides an item of a scene; told only when that changes it. */
  showItem(sceneName: string, sceneItemId: number, sceneItemEnabled: boolean): Json {
    const item = this.scenes.get(sceneName)?.items.find((one) => one.sceneItemId === sceneItemId);
    if (!item || item.sceneItemEnabled === sceneItemEnabled) return {};
    item.sceneItemEnabled = sceneItemEnabled;
    this.fire('SceneItemEnableStateChanged', { sceneName, sceneItemId, sceneItemEnabled });
    return {};
  }

  /** Ends every connection with a code, or as a crash does. */
  drop(code?: number): void {
    for (const socket of this.#server.clients) {
      if (code === undefined) socket.terminate();
      else socket.close(code);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.drop();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #greet(socket: WebSocket): void {
    const { password, isSilent, rpcVersion = 1 } = this.options;
    socket.on('error', () => {});
    if (isSilent) return;
    const [salt, challenge] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
    const authentication = password === undefined ? {} : { authentication: { salt, challenge } };
    send(socket, 0, { obsWebSocketVersion: '5.1.0', rpcVersion, ...authentication });
    socket.once('message', (text) => {
      this.tries++;
      const { d } = JSON.parse(String(text)) as { d: { rpcVersion: number; authentication?: string } };
      if (d.rpcVersion !== 1) return socket.close(4010, 'Your requested RPC version is not supported.');
      if (password !== undefined && d.authentication !== answerTo(password, salt, challenge)) {
        return socket.close(4009, 'Authentication failed.');
      }
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      send(socket, 2, { negotiatedRpcVersion: 1 });
      socket.on('message', (more) => this.#take(socket, JSON.parse(String(more)) as { op: number; d: Json }));
    });
  }

  #take(socket: WebSocket, { op, d }: { op: number; d: Json }): void {
    if (op !== 6) return;
    const type = String(d.requestType);
    const data = (d.requestData ?? {}) as Json;
    this.requests.push({ type, data });
    if (this.options.unanswered?.includes(type)) return;
    const failure = this.options.isNotReady ? ([207, 'not ready'] as const) : this.options.failing?.[type];
    const answer =
      failure ??
      this.#look(type, data) ??
      this.#change(type, data) ??
      this.#act(type, data) ??
      ([204, 'unknown request'] as const);
    const isRefusal = Array.isArray(answer);
    const requestStatus = isRefusal
      ? { result: false, code: answer[0], comment: answer[1] }
      : { result: true, code: 100 };
    const responseData = isRefusal ? undefined : answer;
    send(socket, 7, { requestType: type, requestId: d.requestId, requestStatus, responseData });
  }

  #look(type: string, data: Json): Answer | undefined {
    const { scene, input } = this.#named(data);
    switch (type) {
      case 'GetVersion':
        return { obsVersion: this.options.obsVersion ?? '29.0.2', availableRequests: ['GetVersion'], rpcVersion: 1 };
      case 'GetCurrentProgramScene':
        return { currentProgramSceneName: this.program };
      case 'GetStudioModeEnabled':
        return { studioModeEnabled: this.options.studioMode ?? false };
      case 'GetSceneList':
        return {
          currentProgramSceneName: this.program,
          scenes: [...this.scenes.keys()].map((sceneName) => ({ sceneName })),
        };
      case 'GetInputList':
        return { inputs: this.inputs.map(({ name: inputName, kind }) => ({ inputName, unversionedInputKind: kind })) };
      case 'GetInputKindList':
        return { inputKinds: this.kinds };
      case 'GetHotkeyList':
        return { hotkeys: this.hotkeys };
      case 'GetSpecialInputs':
        return { mic1: this.inputs.find(({ kind }) => kind === 'mic')?.name ?? null };
      case 'GetInputAudioSyncOffset':
        return input ? { inputAudioSyncOffset: Number(input.settings.syncOffset ?? 0) } : none;
      case 'GetVideoSettings':
        return { baseWidth: 640, baseHeight: 360 };
      case 'GetInputSettings':
        return input ? { inputSettings: input.settings } : none;
      case 'GetSourcePrivateSettings':
        return scene ? { sourceSettings: scene.private } : none;
      case 'GetSceneItemList':
        return scene ? { sceneItems: scene.items } : none;
      case 'GetVirtualCamStatus':
        return this.options.hasVirtualCamera
          ? { outputActive: this.isCameraOn }
          : [604, 'VirtualCam is not available.'];
      default:
        return undefined;
    }
  }

  #change(type: string, data: Json): Answer | undefined {
    const { name, scene, input } = this.#named(data);
    switch (type) {
      case 'SetInputSettings':
        if (!input) return none;
        Object.assign(input.settings, data.inputSettings);
        return {};
      case 'CreateScene':
        if (scene) return [601, 'exists'];
        this.scenes.set(name, { items: [], private: {} });
        return {};
      case 'RemoveScene':
        return this.scenes.delete(name) ? {} : none;
      case 'SetSourcePrivateSettings':
        if (!scene) return none;
        Object.assign(scene.private, data.sourceSettings);
        return {};
      case 'CreateInput':
        if (input) return [601, 'exists'];
        if (!this.kinds.includes(String(data.inputKind))) return [605, 'no such kind'];
        this.inputs.push({
          name: String(data.inputName),
          kind: String(data.inputKind),
          settings: { ...(data.inputSettings as Json) },
        });
        return this.#addItem(name, String(data.inputName), data.sceneItemEnabled !== false);
      case 'CreateSceneItem':
        return this.#addItem(String(data.sceneName), String(data.sourceName), true);
      case 'RemoveInput':
        this.inputs = this.inputs.filter((one) => one !== input);
        for (const one of this.scenes.values())
          one.items = one.items.filter(({ sourceName }) => sourceName !== data.inputName);
        return {};
      default:
        return undefined;
    }
  }

  #act(type: string, data: Json): Answer | undefined {
    const { name, scene, input } = this.#named(data);
    switch (type) {
      case 'SetInputAudioSyncOffset':
        if (!input) return none;
        input.settings.syncOffset = data.inputAudioSyncOffset;
        return {};
      case 'SetCurrentProgramScene':
        void this.switchTo(name, 20);
        return {};
      case 'SetSceneItemEnabled':
        return scene ? this.showItem(name, Number(data.sceneItemId), data.sceneItemEnabled === true) : none;
      case 'SetSceneItemTransform':
      case 'TriggerMediaInputAction':
      case 'PressInputPropertiesButton':
        return {};
      case 'StartVirtualCam':
      case 'StopVirtualCam':
        if (!this.options.hasVirtualCamera) return [604, 'VirtualCam is not available.'];
        if (this.isCameraOn === (type === 'StartVirtualCam'))
          return this.isCameraOn ? [500, 'running'] : [501, 'not running'];
        this.isCameraOn = !this.isCameraOn;
        return {};
      default:
        return undefined;
    }
  }

  #named(data: Json) {
    const name = String(data.sceneName ?? data.sourceName);
    return { name, scene: this.scenes.get(name), input: this.inputs.find((one) => one.name === data.inputName) };
  }

  #addItem(sceneName: string, sourceName: string, sceneItemEnabled: boolean): Json {
    const sceneItemId = ++this.#items;
    this.scenes.get(sceneName)?.items.push({ sourceName, sceneItemId, sceneItemEnabled });
    return { sceneItemId };
  }
}

function answerTo(password: string, salt: string, challenge: string): string {
  const hash = (text: string) => createHash('sha256').update(text).digest('base64');
  return hash(hash(password + salt) + challenge);
}

function send(socket: WebSocket, op: number, d: Json): void {
  if (socket.readyState === socket.OPEN) socket.send(JSON.stringify({ op, d }));
}
