import { parseArgs } from 'node:util';
import { AttestationError, readCollateralFile, readQuoteFile } from '@ton-compute/attestation';
import { verifyOnSandbox } from './verify';

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
    const collateral = readCollateralFile(values.collateral);
    const quote = readQuoteFile(values.quote);
    console.log(JSON.stringify(await verifyOnSandbox(quote, collateral, Math.floor(at / 1000))));
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
    const unreadable =
        error instanceof InputError || error instanceof AttestationError || (error as { code?: unknown }).code === 'ENOENT';
    console.error(unreadable ? (error as Error).message : error);
    process.exit(unreadable ? 2 : 1);
});
