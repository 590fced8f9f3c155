import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** Longest path of a unix socket on all systems, with room for the final zero. */
const LongestPath = 100;

/**
 * Where a worker listens to its owner: a unix socket in the data directory (a named pipe on Windows), so that who may
 * give orders is decided by the permissions of that directory.
 */
export function adminSocket(directory: string): string {
    const path = resolve(directory);
    const name = createHash('sha256').update(path).digest('hex').slice(0, 16);
    if (process.platform === 'win32') {
        return `\\\\.\\pipe\\ton-compute-${name}`;
    }
    const socket = join(path, 'admin.sock');
    return socket.length <= LongestPath ? socket : join(tmpdir(), `ton-compute-${name}.sock`);
}
