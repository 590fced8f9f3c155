import { Collateral } from '../collateral';
import { CollateralKind } from '../messages';

/** Dates of one part of collateral, Unix seconds. */
export type PartDates = {
    /** issueDate, thisUpdate or notBefore. */
    issued: number;
    /** nextUpdate or notAfter. */
    expires: number;
    /** tcbEvaluationDataNumber of the texts that have one. */
    evaluationNumber?: number;
};

/** What a verifier knows; a part that is absent is not stored. */
export type KnownCollateral = Partial<Record<CollateralKind, PartDates>>;

export type PlanOptions = {
    /** A part is due this long before it expires, seconds; 7 days if left out. */
    marginSeconds?: number;
    /** A part is also due when it was issued longer ago than this, seconds; never if left out. */
    maxAgeSeconds?: number;
};

export type DuePart = { kind: CollateralKind; reason: 'missing' | 'expires' | 'old' };

export type RefreshPlan = {
    /** In the order in which a verifier needs them. */
    due: DuePart[];
    /** Unix seconds at which the next part is due; `now` if one is due already. */
    next: number;
};

/** All parts, in the order in which a verifier needs them. */
export const CollateralKinds: readonly CollateralKind[] = [
    'root-crl',
    'pck-ca',
    'pck-crl',
    'tcb-signing',
    'tcb-info',
    'qe-identity',
];

const DefaultMargin = 7 * 86_400;

/** @param now Unix seconds. @returns which parts have to be refreshed now, and when to look again. */
export function planRefresh(now: number, known: KnownCollateral, options: PlanOptions = {}): RefreshPlan {
    const { marginSeconds = DefaultMargin, maxAgeSeconds = Infinity } = options;
    const due: DuePart[] = [];
    let next = Infinity;
    for (const kind of CollateralKinds) {
        const dates = known[kind];
        if (dates === undefined) {
            due.push({ kind, reason: 'missing' });
            continue;
        }
        const expiring = dates.expires - marginSeconds;
        // Certificates are valid for years, and are not issued again before.
        const old = isCertificate(kind) ? Infinity : dates.issued + maxAgeSeconds;
        if (expiring <= now) {
            due.push({ kind, reason: 'expires' });
        } else if (old <= now) {
            due.push({ kind, reason: 'old' });
        }
        next = Math.min(next, expiring, old);
    }
    return { due, next: due.length > 0 ? now : next };
}

/** @returns the dates of each part of a set of collateral. */
export function datesOf(collateral: Collateral): Record<CollateralKind, PartDates> {
    const certificate = ({ notBefore, notAfter }: { notBefore: number; notAfter: number }) => ({
        issued: notBefore,
        expires: notAfter,
    });
    const crl = ({ thisUpdate, nextUpdate }: { thisUpdate: number; nextUpdate: number }) => ({
        issued: thisUpdate,
        expires: nextUpdate,
    });
    const text = (signed: { issueDate: number; nextUpdate: number; evaluationNumber: number }) => ({
        issued: signed.issueDate,
        expires: signed.nextUpdate,
        evaluationNumber: signed.evaluationNumber,
    });
    return {
        'root-crl': crl(collateral.rootCrl),
        'pck-ca': certificate(collateral.pckCrlIssuerChain[0]),
        'pck-crl': crl(collateral.pckCrl),
        'tcb-signing': certificate(collateral.tcbInfo.issuerChain[0]),
        'tcb-info': text(collateral.tcbInfo),
        'qe-identity': text(collateral.qeIdentity),
    };
}

/** @returns whether a verifier that knows `known` would take `offered`: it never goes back. */
export function isNewer(offered: PartDates, known: PartDates | undefined): boolean {
    if (known === undefined) {
        return true;
    }
    return offered.issued > known.issued && (offered.evaluationNumber ?? 0) >= (known.evaluationNumber ?? 0);
}

function isCertificate(kind: CollateralKind): boolean {
    return kind === 'pck-ca' || kind === 'tcb-signing';
}
