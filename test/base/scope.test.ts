import { describe, expect, it } from 'vitest';
import { anySignal } from '../../src/base/any-signal.ts';
import { Emitter } from '../../src/base/event.ts';
import { Scope } from '../../src/base/scope.ts';

describe('a scope', () => {
  it('gives back what it owns in reverse order, once', async () => {
    const given: string[] = [];
    const scope = new Scope();
    scope.use({ [Symbol.dispose]: () => void given.push('first') });
    scope.use({
      async [Symbol.asyncDispose]() {
        await Promise.resolve();
        given.push('second');
      },
    });
    scope.use(() => void given.push('third'));
    await Promise.all([scope.close(), scope.close()]);
    expect(given).toEqual(['third', 'second', 'first']);
    expect(scope.isClosed).toBe(true);
  });

  it('goes on when one thing cannot be closed, and says so in the end', async () => {
    const given: string[] = [];
    const scope = new Scope();
    scope.use(() => void given.push('kept'));
    scope.use(() => {
      throw new Error('stuck');
    });
    await expect(scope.close()).rejects.toThrow('stuck');
    expect(given).toEqual(['kept']);
  });

  it('collects several failures', async () => {
    const scope = new Scope();
    for (const name of ['one', 'two']) {
      scope.use(() => {
        throw new Error(name);
      });
    }
    await expect(scope.close()).rejects.toMatchObject({ errors: [{ message: 'two' }, { message: 'one' }] });
  });

  it('once closed, gives newcomers back at once', async () => {
    const scope = new Scope();
    await scope.close();
    let isGiven = false;
    scope.use(() => {
      isGiven = true;
    });
    expect(isGiven).toBe(true);
  });
});

describe('an event', () => {
  it('tells every listener until it stops listening, whatever another one throws', () => {
    const thrown: unknown[] = [];
    const emitter = new Emitter<number>((error) => thrown.push(error));
    const heard: number[] = [];
    emitter.event(() => {
      throw new Error('a listener with a bug');
    });
    const listening = emitter.event((fact) => heard.push(fact));
    emitter.fire(1);
    listening[Symbol.dispose]();
    emitter.fire(2);
    expect(heard).toEqual([1]);
    expect(thrown).toHaveLength(2);
  });
});

describe('anySignal', () => {
  it('aborts with the first of its sources, with its reason', () => {
    const sources = [new AbortController(), new AbortController()] as const;
    const signal = anySignal(sources[0].signal, sources[1].signal);
    expect(signal.aborted).toBe(false);
    sources[1].abort('enough');
    sources[0].abort('too late');
    expect(signal.reason).toBe('enough');
  });

  it('is aborted from the start when a source is', () => {
    expect(anySignal(AbortSignal.abort('over'), new AbortController().signal).reason).toBe('over');
  });
});
