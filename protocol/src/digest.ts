import { sha256 } from './node-crypto';

/**
 * The digest that a request proof signs: `SHA-256( utf8(METHOD) | 0x0a | utf8(path with query) | 0x0a | body as sent
 * )`.
 * @param path path with query, exactly as in the request line.
 * @param body the bytes as sent: sealed if the request is sealed.
 * @returns 32 bytes.
 */
export function requestDigest(method: string, path: string, body: Uint8Array): Buffer {
    return sha256(Buffer.from(`${method.toUpperCase()}\n${path}\n`, 'utf8'), body);
}
