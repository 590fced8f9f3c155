import { WireError } from '../wire-error';
import { Shortfall } from './allowance';

/** @returns the refusal of docs/wire.md for what is missing. */
export function shortfallError(missing: Shortfall): WireError {
    if (missing.reason === 'voucher') {
        return new WireError(
            'insufficient_voucher',
            `The voucher is ${missing.owed} nanoTON too low: sign one for ${missing.required} in all.`,
            {
                owed: missing.owed.toString(),
                required: missing.required.toString(),
                cumulative: missing.cumulative.toString(),
            },
        );
    }
    return new WireError(
        'deposit_exhausted',
        `The escrow can pay ${missing.claimable} more nanoTON, but would have to pay ${missing.required}: top it ` +
            `up by ${missing.required - missing.claimable} nanoTON.`,
        { claimable: missing.claimable.toString(), required: missing.required.toString() },
    );
}
