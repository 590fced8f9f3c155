import { imageHash, RegisterName, RegisterNames, Registers } from '../measure/expected';
import { Meaning } from './meaning';

/** What is expected: registers, or only the hash over them, 32 bytes. */
export type Expectation = { registers: Registers | null; image: Buffer | null };

/** What a provider's contract says. */
export type RecordState = {
    /** 32 bytes; zeros without a record. */
    measurement: Buffer;
    /** Unix seconds; 0: never attested. */
    attestedUntil: number;
};

/** Registers of a quote, 48 bytes each. */
export type QuoteRegisters = Readonly<Record<RegisterName, Buffer>>;

export type Verdict = 'equal' | 'different' | 'incomparable';

/** The verdict, and what there is to say, line by line. */
export type Comparison = { verdict: Verdict; lines: string[] };

/**
 * Compares a provider's record with what its image should measure.
 * @param quote registers of the quote that its worker shows; they count only because their hash is the record's. Null:
 * nobody asked the worker.
 * @param now unix seconds.
 */
export function compare(
    expected: Expectation,
    record: RecordState,
    quote: QuoteRegisters | null,
    now: number,
): Comparison {
    if (record.attestedUntil === 0) {
        return incomparable('The provider has never been attested: its tier is open, and there is no measurement.');
    }
    const lines = [`on the chain  ${record.measurement.toString('hex')}`, `expected      ${shown(expected.image)}`];
    if (record.attestedUntil <= now) {
        lines.push(
            `The attestation ended at ${new Date(record.attestedUntil * 1000).toISOString()}: the record is of the past, ` +
                'and the tier is open now.',
        );
    }
    if (quote !== null && !hashOf(quote).equals(record.measurement)) {
        return {
            verdict: 'incomparable',
            lines: [
                ...lines,
                'The worker shows another quote than the chain has verified. Its registers prove nothing.',
            ],
        };
    }
    const known =
        expected.registers === null || quote === null
            ? []
            : RegisterNames.map((name) => line(name, expected.registers!, quote));
    lines.push(...known.map(({ text }) => text));
    if (expected.image !== null) {
        const isEqual = expected.image.equals(record.measurement);
        lines.push(
            isEqual
                ? 'Equal: the chain has verified a quote of this image.'
                : different(quote !== null && known.length > 0),
        );
        return { verdict: isEqual ? 'equal' : 'different', lines };
    }
    if (known.some(({ differs }) => differs)) {
        return { verdict: 'different', lines: [...lines, different(true)] };
    }
    const missing = RegisterNames.filter(
        (name) => expected.registers === null || expected.registers[name].value === null,
    );
    const advice = quote === null ? 'With --worker the others are compared one by one.' : 'The others are equal.';
    lines.push(
        `Not to be compared: ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} unknown, and the chain holds ` +
            `only a hash over all registers. ${advice}`,
    );
    return { verdict: 'incomparable', lines };
}

function line(name: RegisterName, expected: Registers, quote: QuoteRegisters): { text: string; differs: boolean } {
    const { value, origin } = expected[name];
    const found = quote[name].toString('hex');
    if (value === null) {
        return { text: `${name}  unknown    found ${found}`, differs: false };
    }
    if (value.equals(quote[name])) {
        return { text: `${name}  equal      ${found} (${origin})`, differs: false };
    }
    return {
        text: `${name}  DIFFERENT  expected ${value.toString('hex')} (${origin}), found ${found}: ${Meaning[name]}`,
        differs: true,
    };
}

function different(isShown: boolean): string {
    const advice = isShown ? '' : ' With --worker its registers are compared one by one.';
    return `DIFFERENT: this provider does not run the expected image.${advice}`;
}

function hashOf(quote: QuoteRegisters): Buffer {
    const registers = RegisterNames.map((name) => [name, { value: quote[name], origin: 'replayed' }]);
    return imageHash(Object.fromEntries(registers) as Registers) as Buffer;
}

function shown(hash: Buffer | null): string {
    return hash?.toString('hex') ?? 'unknown: not every register is known';
}

function incomparable(text: string): Comparison {
    return { verdict: 'incomparable', lines: [text] };
}
