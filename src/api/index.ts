/** `musecam/api`: everything a plugin author imports. */
export * from '../base/errors.ts';
export type { Event } from '../base/event.ts';
export type { Log } from '../base/log.ts';
export type { Owned, Scope } from '../base/scope.ts';
export * from './avatar.ts';
export * from './contributions.ts';
export * from './media.ts';
export * from './own-devices.ts';
export * from './plugin.ts';
export * from './status.ts';
