import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '../../base/errors.ts';
import { isForeignRequest, isOwnHost } from '../../base/loopback.ts';
import { WrongTries } from './wrong-tries.ts';

/** Wrong tokens allowed within {@link TRIES_WINDOW_MS}. */
const TRIES_LIMIT = 20;
const TRIES_WINDOW_MS = 60_000;

/** What the door looks at in a request. */
export interface Knock {
  readonly method: string;
  /** Path without the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/** 32 random bytes as 43 characters that need no escaping in an address. */
export function createToken(): string {
  return randomBytes(32).toString('base64url');
}

/**
 * Decides who may come in. The page is for the person at this machine: not for other sites in the same browser (Origin
 * and Sec-Fetch-Site), not for names that a foreign DNS server points at 127.0.0.1 (Host), and not for other programs
 * that were not given the token.
 */
export class Door {
  readonly #tries: WrongTries;
  readonly #tokenDigest: Buffer;
  readonly #session: string;
  readonly #sessionDigest: Buffer;
  readonly #digestKey = randomBytes(32);
  readonly #portOf: () => number;

  /** @param portOf the port that is listened on; asked at every knock, because port 0 is known only later. */
  constructor(token: string, portOf: () => number, tries: WrongTries = new WrongTries(TRIES_LIMIT, TRIES_WINDOW_MS)) {
    this.#tries = tries;
    this.#portOf = portOf;
    this.#tokenDigest = this.#digest(token);
    // Cookies of 127.0.0.1 are sent to every port of it: what is in the cookie must not be the token itself.
    this.#session = createHmac('sha256', token).update('musecam page session').digest('base64url');
    this.#sessionDigest = this.#digest(this.#session);
  }

  /** Has the port in it: cookies are shared between ports. */
  get cookieName(): string {
    return `musecam-${this.#portOf()}`;
  }

  /** The cookie that a browser gets for a right token. */
  get cookie(): string {
    return `${this.cookieName}=${this.#session}; Path=/; HttpOnly; SameSite=Strict`;
  }

  /** @throws AppError WEB_BAD_REQUEST, WEB_HOST_REFUSED unless the request is addressed to this server by a name of its own. */
  checkAddress(knock: Knock): void {
    const { host } = knock.headers;
    // `GET http://other/…` is meant for a proxy, and names a host that nobody checks.
    if (!knock.path.startsWith('/')) {
      throw new AppError('WEB_BAD_REQUEST', 'The request could not be understood: it is addressed as to a proxy.', {
        fix: 'Ask for a path that begins with a slash.',
      });
    }
    if (!isOwnHost(host, this.#portOf())) {
      throw new AppError('WEB_HOST_REFUSED', `The control page does not answer to the name "${host ?? ''}".`, {
        fix: `Open http://127.0.0.1:${this.#portOf()}/ on the machine where MuseCam runs.`,
      });
    }
  }

  /** @throws AppError WEB_ORIGIN_REFUSED, and as {@link checkAddress}: refused whoever it is. */
  checkWhereFrom(knock: Knock): void {
    this.checkAddress(knock);
    if (isForeignRequest(knock)) {
      const { origin } = knock.headers;
      throw new AppError(
        'WEB_ORIGIN_REFUSED',
        `Another site (${origin ?? 'not named'}) may not use the control page.`,
        {
          fix: `Open http://127.0.0.1:${this.#portOf()}/ in a tab of its own.`,
        },
      );
    }
  }

  /** @throws AppError WEB_TOKEN_WRONG, WEB_TOKEN_TRIES unless the request carries the token or the page's cookie. */
  checkWho(knock: Knock): void {
    const cookie = readCookie(knock.headers.cookie, this.cookieName);
    // A page that is already open keeps working while wrong tokens are being tried elsewhere.
    if (cookie !== undefined && timingSafeEqual(this.#digest(cookie), this.#sessionDigest)) return;
    const bearer = /^Bearer +(\S+)$/i.exec(knock.headers.authorization ?? '')?.[1];
    if (bearer !== undefined) return this.checkToken(bearer);
    if (cookie !== undefined) this.#refuseWrong();
    throw new AppError('WEB_TOKEN_WRONG', 'The control page opens only with the key that MuseCam printed.', {
      fix: 'Open the address that MuseCam prints when it starts, or run: musecam status',
    });
  }

  /** @throws AppError WEB_TOKEN_WRONG, WEB_TOKEN_TRIES unless this is the token. */
  checkToken(token: string): void {
    const waitSeconds = this.#tries.waitSeconds;
    if (waitSeconds > 0) {
      throw new AppError('WEB_TOKEN_TRIES', `More than ${TRIES_LIMIT} wrong keys were tried within a minute.`, {
        fix: `Wait ${waitSeconds} s, then open the address that MuseCam printed.`,
      });
    }
    if (!timingSafeEqual(this.#digest(token), this.#tokenDigest)) this.#refuseWrong();
  }

  #refuseWrong(): never {
    this.#tries.note();
    throw new AppError('WEB_TOKEN_WRONG', 'The key in this address is not the one of the running MuseCam.', {
      fix: 'Open the address that MuseCam prints when it starts, or run: musecam status',
    });
  }

  /** Equal length whatever came in, so that comparing takes the same time for every guess. */
  #digest(text: string): Buffer {
    return createHmac('sha256', this.#digestKey).update(text).digest();
  }
}

/** The value of one cookie in a Cookie header. */
function readCookie(header: string | undefined, name: string): string | undefined {
  for (const pair of header?.split(';') ?? []) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
}
