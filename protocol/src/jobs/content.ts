import { MaxJobItems } from '@ton-compute/contracts';
import { packRequest, unpackRequest } from '../framing';
import { hkdfSha256, openAesGcm, sealAesGcm, secureRandom, sha256 } from '../node-crypto';
import { SealingError } from '../sealing-error';
import { ContentKeyBytes } from './content-key';
import { merkleLeaf, merkleRoot } from './merkle';

/**
 * The content of a job, as it lies in a store: everything sealed under keys that are derived from the content key, so
 * that a store, or whoever reads it, sees sizes and no text. docs/jobs.md specifies the bytes.
 */

const NonceBytes = 12;
const TagBytes = 16;
const Magic = Buffer.from('TCJ1');
/** What is sealed: each with a key of its own. */
export type ContentPart = 'instructions' | 'input' | 'output';

/**
 * @param index of the item, from 0; 0 for the instructions. Bound to the ciphertext: items cannot change places.
 * @returns `nonce (12) | ciphertext | tag (16)`, padded as requests are, so that lengths tell little.
 */
export function sealContent(contentKey: Uint8Array, part: ContentPart, index: number, plaintext: Uint8Array): Buffer {
    // Random and not counted: an output that is made again after a crash must not meet the nonce of its first version.
    const nonce = secureRandom(NonceBytes);
    return Buffer.concat([nonce, ...sealAesGcm(partKey(contentKey, part), nonce, indexBytes(index), packRequest(plaintext))]);
}

/** @throws SealingError `altered` when the bytes are not what was sealed as this part and item. */
export function openContent(contentKey: Uint8Array, part: ContentPart, index: number, sealed: Uint8Array): Buffer {
    const plaintext =
        sealed.length < NonceBytes + TagBytes
            ? null
            : openAesGcm(partKey(contentKey, part), sealed.subarray(0, NonceBytes), indexBytes(index), sealed.subarray(NonceBytes));
    if (plaintext === null) {
        throw new SealingError('altered', `The ${part} ${part === 'instructions' ? '' : `${index} `}of the job does not open under its key.`);
    }
    return unpackRequest(plaintext);
}

function partKey(contentKey: Uint8Array, part: ContentPart): Buffer {
    return hkdfSha256(contentKey, Buffer.alloc(0), `ton-compute/1 job ${part}`, 32);
}

function indexBytes(index: number): Buffer {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(index);
    return bytes;
}

/** The sealed parts of an input or an output; an output has no instructions. */
export type SealedBundle = { instructions: Buffer | null; items: readonly Buffer[] };

/** @returns `"TCJ1" | count:uint32 | for instructions and each item: length:uint32 | bytes`, big-endian; length 0: none. */
export function packBundle({ instructions, items }: SealedBundle): Buffer {
    const parts = [instructions ?? Buffer.alloc(0), ...items];
    return Buffer.concat([Magic, indexBytes(items.length), ...parts.flatMap((part) => [indexBytes(part.length), part])]);
}

/** @throws SealingError `malformed` when the bytes are no bundle of 1 to 10,000 items, or go on behind it. */
export function unpackBundle(bytes: Uint8Array): SealedBundle {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const malformed = (what: string) => new SealingError('malformed', `This is no content of a job: ${what}.`);
    if (buffer.length < 12 || !buffer.subarray(0, 4).equals(Magic)) {
        throw malformed(`it does not begin with ${Magic.toString()}`);
    }
    const count = buffer.readUInt32BE(4);
    if (count < 1 || count > MaxJobItems) {
        throw malformed(`it claims ${count} items, expected 1 to ${MaxJobItems}`);
    }
    let at = 8;
    const parts: Buffer[] = [];
    for (let index = 0; index <= count; index++) {
        if (at + 4 > buffer.length) {
            throw malformed(`it ends after ${index} of ${count + 1} parts`);
        }
        const end = at + 4 + buffer.readUInt32BE(at);
        if (end > buffer.length) {
            throw malformed(`part ${index} is cut off`);
        }
        parts.push(buffer.subarray(at + 4, end));
        at = end;
    }
    if (at !== buffer.length) {
        throw malformed('bytes follow its last item');
    }
    const [instructions, ...items] = parts;
    return { instructions: instructions.length === 0 ? null : instructions, items };
}

/** @returns the Merkle root that a job's terms, or a delivery, name. */
export function bundleRoot({ items }: SealedBundle): Buffer {
    return merkleRoot(items.map(merkleLeaf));
}

/** @returns the hash of the sealed instructions that a job's terms name. */
export function instructionsHash(sealed: Uint8Array): Buffer {
    return sha256(sealed);
}

/** @returns a new content key: one for each job. */
export function newContentKey(): Buffer {
    return secureRandom(ContentKeyBytes);
}
