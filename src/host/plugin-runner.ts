import { pathToFileURL } from 'node:url';
import type { OpenAudioInput, OpenAudioOutput, OpenVideoOutput } from '../api/contributions.ts';
import type { CommandCode, CommandSummary, Plugin, PluginContext } from '../api/plugin.ts';
import type { ShowStatus } from '../api/status.ts';
import { AppError, messageOf } from '../base/errors.ts';
import { Emitter } from '../base/event.ts';
import type { Log } from '../base/log.ts';
import { Scope } from '../base/scope.ts';
import { OpenThings } from './open-things.ts';
import type { PluginPipe } from './plugin-pipe.ts';
import {
  PLUGIN_BEAT_MS,
  PLUGIN_PROTOCOL_VERSION,
  type PluginNews,
  type PluginSide,
  type PluginStart,
  type ShowSide,
} from './plugin-protocol.ts';
import { openPluginRpc, type PluginRpc } from './plugin-rpc.ts';

/** A plugin's end of the pipe: holds one plugin in its own process, and gives it the context that plugins get. */
export class PluginRunner {
  readonly #show: PluginRpc<ShowSide, PluginSide>;
  readonly #scope = new Scope();
  readonly #commands = new Map<string, CommandCode>();
  readonly #things: OpenThings;
  readonly #statusChanged = new Emitter<ShowStatus>((thrown) => this.#fail(thrown));
  readonly #commandsChanged = new Emitter<void>((thrown) => this.#fail(thrown));
  readonly #settingsChanged = new Emitter<readonly string[]>((thrown) => this.#fail(thrown));
  readonly #fail: (thrown: unknown) => void;
  #settings: Record<string, unknown> = {};
  #status: ShowStatus | undefined;
  #commandList: readonly CommandSummary[] = [];

  /** @param fail what to do with what a listener of the plugin's throws. */
  constructor(pipe: PluginPipe, fail: (thrown: unknown) => void) {
    this.#fail = fail;
    this.#things = new OpenThings(() => this.#show, this.#log);
    const things = this.#things;
    this.#show = openPluginRpc<ShowSide, PluginSide>(pipe, {
      activate: (start) => this.#activate(start),
      deactivate: () => this.#deactivate(),
      runCommand: async (id, args) => this.#runCommand(id, args),
      listDevices: (point, id) => things.list(point, id),
      checkHealth: (point, id) => things.check(point, id),
      open: (request) => things.open(request),
      close: (handle) => things.close(handle),
      sendFrame: (handle, frame) => things.sendFrame(handle, frame),
      hear: (handle, samples, start) => things.get<OpenVideoOutput>(handle)?.hear?.(samples, start),
      hearVoice: (handle, chunk) => things.hearVoice(handle, chunk),
      setDelay: (handle, delayMs) => things.get<OpenAudioOutput>(handle)?.setDelay(delayMs),
      setSilent: (handle, isSilent) => things.get<OpenAudioOutput>(handle)?.setSilent?.(isSilent),
      startChunks: (handle) => things.startChunks(things.get<OpenAudioInput>(handle), handle),
      stopChunks: (handle) => things.stopChunks(handle),
      news: (news) => this.#hearNews(news),
    });
    void this.#show.hello.asEvent(PLUGIN_PROTOCOL_VERSION);
    const beat = setInterval(() => void this.#show.beat.asEvent(), PLUGIN_BEAT_MS);
    this.#scope.use(() => clearInterval(beat));
  }

  /** Tells the show what was thrown and caught by nobody. */
  tellFailure(thrown: unknown): void {
    void this.#show.failed.asEvent(messageOf(thrown));
  }

  readonly #log: Log = {
    debug: (message, facts) => void this.#show.log.asEvent('debug', message, facts),
    info: (message, facts) => void this.#show.log.asEvent('info', message, facts),
    warn: (message, facts) => void this.#show.log.asEvent('warn', message, facts),
    error: (message, facts) => void this.#show.log.asEvent('error', message, facts),
    scope: () => this.#log,
  };

  async #activate({ main, settings, status, commands }: PluginStart): Promise<void> {
    this.#settings = { ...settings };
    this.#status = status;
    this.#commandList = commands;
    const { default: plugin } = (await import(pathToFileURL(main).href)) as { readonly default?: Plugin };
    if (typeof plugin?.activate !== 'function') {
      throw new AppError('PLUGIN_FAILED', `${main} exports no plugin by default: an object with activate(context).`);
    }
    await plugin.activate(this.#context());
  }

  async #deactivate(): Promise<void> {
    await this.#things.closeAll();
    await this.#scope.close();
  }

  #context(): PluginContext {
    const runner = this;
    const things = this.#things;
    return {
      subscriptions: this.#scope,
      log: this.#log,
      settings: this.#settings,
      onDidChangeSettings: this.#settingsChanged.event,
      commands: {
        run: (id, args = {}) => this.#show.runCommand(id, args),
        list: () => this.#commandList,
        onDidChange: this.#commandsChanged.event,
      },
      status: {
        get current() {
          if (!runner.#status) throw new AppError('NO_SHOW', 'No show is running.');
          return runner.#status;
        },
        onDidChange: this.#statusChanged.event,
      },
      registerAudioInput: (id, input) => things.register('audioInputs', id, input),
      registerFaceEngine: (id, engine) => things.register('faceEngines', id, engine),
      registerVideoOutput: (id, output) => things.register('videoOutputs', id, output),
      registerAudioOutput: (id, output) => things.register('audioOutputs', id, output),
      registerCommand: <Args>(command: CommandCode<Args>) => {
        this.#commands.set(command.id, command as CommandCode);
        void this.#show.registeredCommand.asEvent(command.id);
      },
      reportLink: (link) => void this.#show.reportLink.asEvent(link),
    };
  }

  #runCommand(id: string, args: unknown): unknown {
    const command = this.#commands.get(id);
    if (!command) throw new AppError('PLUGIN_FAILED', `${id} is not registered.`);
    return command.run(command.args ? command.args.parse(args) : args);
  }

  #hearNews({ status, commands, settings }: PluginNews): void {
    if (commands) {
      this.#commandList = commands;
      this.#commandsChanged.fire();
    }
    if (status) {
      this.#status = status;
      this.#statusChanged.fire(status);
    }
    if (settings) {
      Object.assign(this.#settings, settings);
      this.#settingsChanged.fire(Object.keys(settings));
    }
  }
}
