import { Address } from '@ton/core';
import {
    MaxCloseWindow,
    MinCloseWindow,
    OfferTerms,
    Prices,
    TcbStatus,
    TcbStatusName,
    tcbStatusName,
    Tier,
} from '@ton-compute/contracts';
import { ClientError } from './errors';

export type TierName = 'tdx' | 'open';

/** What a client accepts. Everything may be left out; the defaults are the careful ones. */
export type Policy = {
    /**
     * Least tier. `tdx` when omitted: an attested machine. `open` promises no privacy, so it must be asked for.
     */
    leastTier?: TierName;
    /** TCB statuses accepted in tier tdx, by name or as the contracts number them; ['UpToDate'] when omitted. */
    acceptedTcbStatuses?: readonly (number | TcbStatusName)[];
    /** Image measurements accepted in tier tdx, 32 bytes each, as hexadecimal digits; any when omitted. */
    measurements?: readonly string[];
    /** MeasurementCatalogs: what they trust is accepted beside `measurements`. */
    catalogs?: readonly Address[];
    /**
     * Whether a verifier with another root than Intel's will do; false when omitted. Such an attestation proves nothing
     * about hardware: only for development networks.
     */
    allowTestRoot?: boolean;
    /** Models accepted, by the SHA-256 of their weights, as hexadecimal digits; any when omitted. */
    models?: readonly string[];
    /** The most that may be asked, nanoTON per 1,000,000 tokens of each class; no limit when omitted. */
    priceCeiling?: Partial<Prices>;
    /**
     * The least score of a provider, nanoTON of protocol fees that its record is worth (docs/reputation.md); 0 when
     * omitted, which new providers have.
     */
    leastScore?: bigint;
    /** The most that is ever signed for in one session, nanoTON; its deposit when omitted. */
    spendingCap?: bigint;
    /**
     * What is signed for ahead of each running request where the worker grants no credit, nanoTON. The price of 1,000
     * tokens of prompt and completion when omitted, and at least that of 32.
     */
    headroom?: bigint;
    /**
     * Generated tokens per request that need not show in its answer; 0 when omitted. Only models that hide their
     * reasoning need it.
     */
    hiddenTokens?: number;
};

/** A policy whose values were checked and completed. */
export type CheckedPolicy = {
    leastTier: TierName;
    acceptedTcbStatuses: readonly number[];
    measurements: readonly string[] | null;
    catalogs: readonly Address[];
    allowTestRoot: boolean;
    models: readonly string[] | null;
    priceCeiling: Partial<Prices>;
    leastScore: bigint;
    spendingCap: bigint | null;
    headroom: bigint | null;
    hiddenTokens: number;
};

function hashes(values: readonly string[] | undefined, name: string): readonly string[] | null {
    if (values === undefined) {
        return null;
    }
    return values.map((value) => {
        if (!/^[0-9a-fA-F]{64}$/.test(value)) {
            throw new ClientError('invalid_option', `${name}: expected 64 hexadecimal digits, got "${value}".`);
        }
        return value.toLowerCase();
    });
}

function amount(value: bigint | undefined, name: string): bigint | null {
    if (value !== undefined && (typeof value !== 'bigint' || value < 0n)) {
        throw new ClientError(
            'invalid_option',
            `${name}: expected nanoTON as a bigint of at least 0, got ${String(value)}.`,
        );
    }
    return value ?? null;
}

/** @throws ClientError `invalid_option` naming the value that is wrong. */
export function checkPolicy(policy: Policy = {}): CheckedPolicy {
    const leastTier = policy.leastTier ?? 'tdx';
    if (leastTier !== 'tdx' && leastTier !== 'open') {
        throw new ClientError(
            'invalid_option',
            `policy.leastTier: expected "tdx" or "open", got "${String(leastTier)}".`,
        );
    }
    const acceptedTcbStatuses = (policy.acceptedTcbStatuses ?? [TcbStatus.UpToDate]).map(tcbStatus);
    const allowTestRoot = policy.allowTestRoot ?? false;
    if (typeof allowTestRoot !== 'boolean') {
        throw new ClientError('invalid_option', `policy.allowTestRoot: expected true or false, got ${String(allowTestRoot)}.`);
    }
    const hiddenTokens = policy.hiddenTokens ?? 0;
    if (!Number.isSafeInteger(hiddenTokens) || hiddenTokens < 0) {
        throw new ClientError('invalid_option', `policy.hiddenTokens: expected a whole number, got ${hiddenTokens}.`);
    }
    for (const name of ['prompt', 'cached', 'completion', 'reasoning'] as const) {
        amount(policy.priceCeiling?.[name], `policy.priceCeiling.${name}`);
    }
    return {
        leastTier,
        acceptedTcbStatuses,
        measurements: hashes(policy.measurements, 'policy.measurements'),
        catalogs: policy.catalogs ?? [],
        allowTestRoot,
        models: hashes(policy.models, 'policy.models'),
        priceCeiling: policy.priceCeiling ?? {},
        leastScore: amount(policy.leastScore, 'policy.leastScore') ?? 0n,
        spendingCap: amount(policy.spendingCap, 'policy.spendingCap'),
        headroom: amount(policy.headroom, 'policy.headroom'),
        hiddenTokens,
    };
}

function tcbStatus(given: number | TcbStatusName): number {
    const status = typeof given === 'string' ? TcbStatus[given] : given;
    if (!Number.isInteger(status) || status < 0 || status > 7) {
        throw new ClientError(
            'invalid_option',
            `policy.acceptedTcbStatuses: expected ${Object.keys(TcbStatus).join(', ')}, or numbers from 0 to 7, got ` +
                `${String(given)}.`,
        );
    }
    return status;
}

/** What a policy looks at in a provider. */
export type Standing = {
    tier: number;
    attestedUntil: number;
    tcbStatus: number;
    measurement: Buffer;
};

/** An attestation that expires sooner is not worth a session, seconds. */
export const LeastAttestedLife = 300;

/** @param now unix seconds. @returns why the provider is not acceptable, or null. */
export function refuseProvider(policy: CheckedPolicy, standing: Standing, now: number): string | null {
    if (policy.leastTier === 'open') {
        return null;
    }
    if (standing.tier !== Tier.Tdx || standing.attestedUntil <= now) {
        return 'it is not attested (tier open), and the policy asks for tier tdx';
    }
    if (standing.attestedUntil < now + LeastAttestedLife) {
        return `its attestation expires in ${standing.attestedUntil - now} s`;
    }
    if (!policy.acceptedTcbStatuses.includes(standing.tcbStatus)) {
        const accepted = policy.acceptedTcbStatuses.map(tcbStatusName).join(', ');
        return `its TCB status is ${standing.tcbStatus} (${tcbStatusName(standing.tcbStatus)}), accepted are ${accepted}`;
    }
    const measurement = standing.measurement.toString('hex');
    if (policy.measurements !== null && !policy.measurements.includes(measurement)) {
        return `it runs image ${measurement}, which is not on the policy's list`;
    }
    return null;
}

/** @returns why the offer is not acceptable, or null. */
export function refuseOffer(policy: CheckedPolicy, offer: OfferTerms): string | null {
    const model = offer.model.toString('hex');
    if (policy.models !== null && !policy.models.includes(model)) {
        return `its model ${model} is not on the policy's list`;
    }
    for (const name of ['prompt', 'cached', 'completion', 'reasoning'] as const) {
        const ceiling = policy.priceCeiling[name];
        if (ceiling !== undefined && offer.prices[name] > ceiling) {
            return `it asks ${offer.prices[name]} nanoTON per million ${name} tokens, the ceiling is ${ceiling}`;
        }
    }
    return null;
}

/** @returns the bits of the accepted TCB statuses, as the terms of a session carry them. */
export function tcbStatusBits(policy: CheckedPolicy): number {
    return policy.acceptedTcbStatuses.reduce((bits, status) => bits | (1 << status), 0);
}

/** @throws ClientError for a close window that the contract would refuse. */
export function requireCloseWindow(seconds: number): void {
    if (!Number.isInteger(seconds) || seconds < MinCloseWindow || seconds > MaxCloseWindow) {
        throw new ClientError(
            'invalid_option',
            `closeWindow: expected whole seconds from ${MinCloseWindow} to ${MaxCloseWindow}, got ${seconds}.`,
        );
    }
}

/** Tokens of a typical request, to compare offers by one number: three quarters prompt, one quarter completion. */
const ReferenceMix = { prompt: 750_000n, completion: 250_000n };

/** @returns nanoTON for 1,000,000 tokens of the reference mix. */
export function referencePrice(prices: Prices): bigint {
    return (ReferenceMix.prompt * prices.prompt + ReferenceMix.completion * prices.completion) / 1_000_000n;
}
