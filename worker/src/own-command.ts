import { relative } from 'node:path';

/** The configuration that is taken when none is named. */
export const DefaultFile = 'worker.json';

/**
 * @param file configuration that the command needs.
 * @returns a command of this program as it can be typed in the present directory.
 */
export function ownCommand(command: string, file: string = DefaultFile): string {
    const script = relative(process.cwd(), process.argv[1] ?? 'worker/dist/cli.js');
    return `node ${script} ${command}${file === DefaultFile ? '' : ` --config ${file}`}`;
}
