import type { OpenVideoOutput } from '../../api/contributions.ts';

/** The open control page. A person opens `${url}?token=${token}`; its `label` is the address as people read it. */
export type WebPanelOutput = OpenVideoOutput & {
  /** Address without the token, with a slash at the end: `http://127.0.0.1:4747/`. */
  readonly url: string;
  /** What a browser brings once as `?token=…` and other programs send as `Authorization: Bearer …`. */
  readonly token: string;
};
