// How token requests fail.

import { HTTPError, SDKError } from "../runtime/errors.js";

/** A refusal of RFC 6749 §5.2. */
export class OAuthError extends HTTPError {
  static override readonly kind: string = "OAuthError";
  declare readonly error: string;
  declare readonly errorDescription?: string;
  declare readonly errorUri?: string;
}

/** The refresh token no longer counts: the person has to sign in again. */
export class ReauthenticationRequired extends SDKError {
  static override readonly kind: string = "ReauthenticationRequired";
}
