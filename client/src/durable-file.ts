import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';

/** Replaces a file that only its owner may read, as a whole; it is on the disk before this returns. */
export async function writeDurably(folder: string, name: string, text: string): Promise<void> {
    const path = join(folder, name);
    const temporary = `${path}.${process.pid}.tmp`;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const file = await open(temporary, 'w', 0o600);
    try {
        await file.writeFile(text);
        await file.sync();
    } finally {
        await file.close();
    }
    await rename(temporary, path);
    // The new name of a file is on the disk only when its folder is.
    const directory = await open(folder, 'r');
    try {
        await directory.sync();
    } finally {
        await directory.close();
    }
}
