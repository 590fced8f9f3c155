import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** @returns Chart.js as one script, to stand in a page that loads nothing. */
export async function chartLibrary(): Promise<string> {
    const folder = dirname(require.resolve('chart.js'));
    const source = await readFile(join(folder, 'chart.umd.min.js'), 'utf8');
    if (/<\/script|<!--/i.test(source)) {
        throw new Error('Chart.js cannot stand in a page: it holds the end of a script. Install the version of package.json.');
    }
    // The map is another file: a page without network must not ask for it.
    return source.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, '\n');
}
