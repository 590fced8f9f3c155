/** @returns bytes that nobody can guess, in Node and in browsers. */
export function randomBytes(length: number): Buffer {
    return Buffer.from(globalThis.crypto.getRandomValues(new Uint8Array(length)));
}
