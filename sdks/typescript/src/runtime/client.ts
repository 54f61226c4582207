// What standalone functions need to know: where the server is, and everything else one was told.

import type { ClientOptions } from "./options.js";

/** The smallest client. It reads no environment and never throws. */
export class KeyhavenCore {
  readonly options: Readonly<ClientOptions>;

  constructor(options: ClientOptions = {}) {
    this.options = options;
  }
}

export { KeyhavenCore as ClientCore };
