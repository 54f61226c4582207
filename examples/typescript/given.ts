// What the programs are given: where the server is, a credential, and what things are called there.

import type { Security } from "@keyhaven/sdk";

export interface Given {
  serverURL: string;
  security: Security;
  [name: string]: any;
}
