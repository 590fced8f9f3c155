import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from '@jest/globals';
import { Collateral, parseCollateral, parseQuote, Quote } from '../../src';

const folder = join(__dirname, '..', '..', '..', '..', 'shared', 'vectors');
const present = existsSync(folder);

/** A real quote with the collateral of its time. */
export type RealQuote = {
    name: string;
    file: string;
    collateral: string;
    /** Unix seconds at which both hold. */
    now: number;
    version: 4 | 5;
};

const June2025 = Date.UTC(2025, 5, 20) / 1000;
const February2026 = Date.UTC(2026, 1, 19) / 1000;
const Collateral90 = 'collateral_90c06f_2026-02.json';

export const realQuotes: RealQuote[] = [
    { name: 'v4, B0C06F', file: 'tdx_quote_v4_b0c06f.dat', collateral: 'collateral_b0c06f_2025-06.json', now: June2025, version: 4 },
    { name: 'v4, 90C06F', file: 'tdx_quote_v4_90c06f.dat', collateral: Collateral90, now: February2026, version: 4 },
    { name: 'v5, 90C06F', file: 'tdx_quote_v5_90c06f.dat', collateral: Collateral90, now: February2026, version: 5 },
    { name: 'v5, outdated', file: 'tdx_quote_v5_outdated.dat', collateral: Collateral90, now: February2026, version: 5 },
];

/** Tests on Intel's own quotes and collateral; where they are not at hand they are skipped, and that is said. */
export function describeWithVectors(name: string, tests: () => void): void {
    if (!present) {
        console.warn(`Skipped, there are no real quotes at ${folder}: ${name}`);
    }
    (present ? describe : describe.skip)(name, tests);
}

export function vectorBytes(file: string): Buffer {
    return readFileSync(join(folder, file));
}

export function realQuote(real: RealQuote): Quote {
    return parseQuote(vectorBytes(real.file));
}

export function realCollateral(file: string): Collateral {
    return parseCollateral(vectorBytes(file).toString('utf8'));
}
