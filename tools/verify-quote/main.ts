import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
    AttestationError,
    BodyBytes,
    HeaderBytes,
    parseCollateral,
    parseQuote,
    Quote,
    quoteBytes,
    toPem,
} from '@ton-compute/attestation';
import { rejected, verifyOnSandbox } from './verify';

const Usage = `Verifies an Intel TDX quote with the contracts, on a sandbox, with Intel's root key.

npm run -s verify-quote -- --quote FILE --collateral FILE --at ISO-DATE

  --quote       raw bytes or hexadecimal, version 4 or 5
  --collateral  JSON: tcb_info, tcb_info_signature, qe_identity, qe_identity_signature, their issuer chains, pck_crl,
                pck_crl_issuer_chain, root_ca_crl
  --at          the time at which it is verified, for instance 2026-02-19 or 2026-02-19T12:00:00Z; default: now

Prints one JSON line. Exit code 0 for both verdicts; 2 when the input cannot be read.
`;

class InputError extends Error {}

async function main(): Promise<void> {
    const { values } = readArguments();
    if (values.help === true) {
        console.log(Usage);
        return;
    }
    if (values.quote === undefined || values.collateral === undefined) {
        throw new InputError(`Expected --quote FILE and --collateral FILE.\n\n${Usage}`);
    }
    const at = values.at === undefined ? Date.now() : Date.parse(values.at);
    if (Number.isNaN(at)) {
        throw new InputError(`"${values.at}" is no date: expected one like 2026-02-19 or 2026-02-19T12:00:00Z.`);
    }
    const content = quoteBytes(read(values.quote));
    const text = read(values.collateral).toString('utf8');
    let quote: Quote;
    try {
        quote = parseQuote(content);
    } catch (error) {
        // A quote in every respect but one is rejected; what is no quote at all cannot be read.
        if (error instanceof AttestationError && resemblesQuote(content)) {
            console.log(JSON.stringify(rejected(error.message)));
            return;
        }
        throw error;
    }
    const collateral = parseCollateral(withIssuerOfCrl(text, quote));
    console.log(JSON.stringify(await verifyOnSandbox(quote, collateral, Math.floor(at / 1000))));
}

function read(path: string): Buffer {
    try {
        return readFileSync(path);
    } catch (error) {
        throw new InputError(`${path} cannot be read: ${(error as Error).message}`);
    }
}

/** Header and TD report are there, with the version of an Intel quote. */
function resemblesQuote(content: Buffer): boolean {
    return content.length >= HeaderBytes + BodyBytes.td10 && [3, 4, 5].includes(content.readUInt16LE(0));
}

/** Some tools leave the issuer of the PCK list out: the quote brings it. */
function withIssuerOfCrl(text: string, quote: Quote): string {
    let json: unknown;
    try {
        json = JSON.parse(text);
    } catch {
        return text; // parseCollateral says what is wrong
    }
    const complete = typeof json !== 'object' || json === null || 'pck_crl_issuer_chain' in json;
    const chain = toPem(quote.certificates.slice(1).map(({ der }) => der));
    return complete ? text : JSON.stringify({ ...json, pck_crl_issuer_chain: chain });
}

function readArguments() {
    const options = {
        quote: { type: 'string' },
        collateral: { type: 'string' },
        at: { type: 'string' },
        help: { type: 'boolean' },
    } as const;
    try {
        return parseArgs({ options });
    } catch (error) {
        throw new InputError(`${(error as Error).message}\n\n${Usage}`);
    }
}

main().catch((error: unknown) => {
    const unreadable = error instanceof InputError || error instanceof AttestationError;
    console.error(unreadable ? (error as Error).message : error);
    process.exit(unreadable ? 2 : 1);
});
