import { randomBytes } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A text that stands nowhere by chance, to be looked for afterwards. */
export function newMarker(): string {
    // With what JSON and URLs have to escape.
    return `mk"é${randomBytes(8).toString('hex')}`;
}

/** A way in which a text may lie somewhere. */
type Form = { name: string; bytes: Buffer };

/** Shorter texts would be found by chance. */
const LeastBytes = 8;

/** @returns a text in every form in which it could be written down without meaning to hide it. */
export function formsOf(text: string): Form[] {
    const utf8 = Buffer.from(text, 'utf8');
    const escaped = JSON.stringify(text).slice(1, -1);
    const ascii = escaped.replace(/[^\x20-\x7e]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
    const forms: [string, string | Buffer][] = [
        ['plain', utf8],
        ['UTF-16', Buffer.from(text, 'utf16le')],
        ['JSON', escaped],
        ['JSON in JSON', JSON.stringify(escaped).slice(1, -1)],
        ['ASCII JSON', ascii],
        ['URL', encodeURIComponent(text)],
        ['hex', utf8.toString('hex')],
        ['upper-case hex', utf8.toString('hex').toUpperCase()],
        ...base64Forms(utf8),
    ];
    return forms.map(([name, bytes]) => ({ name, bytes: Buffer.from(bytes) }));
}

/** What base64 makes of it depends on where it begins in a group of three bytes; the edges depend on the neighbours. */
function base64Forms(bytes: Buffer): [string, string][] {
    return [0, 1, 2].flatMap((before) => {
        const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64').replace(/=+$/, '');
        const whole = text.slice(before === 0 ? 0 : 4, text.length - (text.length % 4 === 0 ? 4 : text.length % 4));
        const names: [string, string][] = [[`base64, byte ${before}`, whole]];
        const url = whole.replaceAll('+', '-').replaceAll('/', '_');
        return url === whole ? names : [...names, [`base64url, byte ${before}`, url]];
    });
}

/** @returns the names of the forms in which one of the texts lies in `bytes`. */
export function formsIn(bytes: Buffer, texts: readonly string[]): string[] {
    return texts
        .flatMap(formsOf)
        .filter((form) => form.bytes.length >= LeastBytes && bytes.includes(form.bytes))
        .map(({ name }) => name);
}

/** @returns what lies below a folder, by path; names count as content. */
export function filesBelow(folder: string): Map<string, Buffer> {
    const found = new Map<string, Buffer>();
    for (const name of readdirSync(folder)) {
        const path = join(folder, name);
        const info = lstatSync(path);
        if (info.isDirectory()) {
            filesBelow(path).forEach((bytes, below) => found.set(below, bytes));
        } else {
            found.set(path, Buffer.concat([Buffer.from(`${name}\n`), info.isFile() ? readFileSync(path) : Buffer.alloc(0)]));
        }
    }
    return found;
}
