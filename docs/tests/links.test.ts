import { describe, expect, test } from '@jest/globals';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = join(__dirname, '..', '..');
const pages = [
    'README.md',
    ...readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`),
    ...['attestation', 'client', 'devnet', 'guest', 'market', 'storage', 'worker', 'worker/model'].map((folder) => `${folder}/README.md`),
];

/** Anchors as GitHub makes them from headings. */
function anchors(page: string): string[] {
    return [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
        heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').trim().replaceAll(' ', '-'),
    );
}

describe('documentation', () => {
    test.each(pages)('%s: every link to a file or a heading of this repository leads somewhere', (page) => {
        const text = readFileSync(join(root, page), 'utf8').replace(/```[\s\S]*?```/g, '');
        const broken: string[] = [];
        for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
            if (/^[a-z]+:/.test(target)) {
                continue;
            }
            const [path, anchor] = target.split('#');
            const file = path === '' ? join(root, page) : join(root, dirname(page), path);
            if (!existsSync(file) || (anchor && !anchors(readFileSync(file, 'utf8')).includes(anchor))) {
                broken.push(target);
            }
        }
        expect(broken).toEqual([]);
    });

    test('every file and folder that a page names in code exists', () => {
        const missing: string[] = [];
        for (const page of pages) {
            const text = readFileSync(join(root, page), 'utf8').replace(/```[\s\S]*?```/g, '');
            for (const [, path] of text.matchAll(/`((?:contracts|wrappers|tests|scripts|bench|docs|tools)\/[\w./-]+)`/g)) {
                if (!existsSync(join(root, path))) {
                    missing.push(`${page}: ${path}`);
                }
            }
        }
        expect(missing).toEqual([]);
    });
});
