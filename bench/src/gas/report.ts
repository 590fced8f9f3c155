import { measure, Measurement, OperationName, OperationNames } from './operations';
import { GasTargets, RentTargets, SessionTarget } from './targets';

/** One operation: gas is the same at any prices; fees are in nanoTON, as decimal strings. */
export type OperationReport = {
    transactions: number;
    gas: number;
    feesOld: string;
    fees2026: string;
    target: number | null;
};

/** What `npm run -s bench:gas -- --json` prints. Amounts are nanoTON, as decimal strings. */
export type Report = Record<OperationName, OperationReport> & {
    /** An open session: what it stores, its rent, and what it holds beyond the deposit that was asked for. */
    rent: {
        cells: number;
        bits: number;
        perYear2026: string;
        perYearOld: string;
        locked: string;
        lockedOld: string;
        targets: { perYear2026: string; locked: string };
    };
    /** Opening, ten batched claims and a close by the provider, divided by the requests; nanoTON, with fractions. */
    session: { requests: number; claims: number; perRequest2026: number; perRequestOld: number; target: number };
};

/** Measures everything under both price sets. @throws Error when the gas of an operation depends on the prices. */
export async function makeReport(): Promise<Report> {
    const old = await measure('old');
    const current = await measure('2026');
    const operations = OperationNames.map((name): [OperationName, OperationReport] => {
        const { transactions, gas, fees } = current.costs[name];
        if (gas !== old.costs[name].gas || transactions !== old.costs[name].transactions) {
            throw new Error(
                `${name}: ${gas} gas at the prices of 2026, ${old.costs[name].gas} before: expected the same.`,
            );
        }
        return [
            name,
            { transactions, gas, feesOld: nano(old.costs[name].fees), fees2026: nano(fees), target: GasTargets[name] },
        ];
    });
    const { requests, claims } = SessionTarget;
    return {
        ...(Object.fromEntries(operations) as Record<OperationName, OperationReport>),
        rent: {
            cells: Number(current.rent.cells),
            bits: Number(current.rent.bits),
            perYear2026: current.rent.perYear.toString(),
            perYearOld: old.rent.perYear.toString(),
            locked: current.rent.locked.toString(),
            lockedOld: old.rent.locked.toString(),
            targets: { perYear2026: RentTargets.perYear2026.toString(), locked: RentTargets.locked.toString() },
        },
        session: {
            requests,
            claims,
            perRequest2026: perRequest(current),
            perRequestOld: perRequest(old),
            target: SessionTarget.perRequest2026,
        },
    };
}

function perRequest({ costs }: Measurement): number {
    const { requests, claims } = SessionTarget;
    const fees = costs.open.fees + claims * costs.claimBatch50PerClaim.fees + costs.closeByProvider.fees;
    return Math.round((fees / requests) * 10) / 10;
}

const nano = (fees: number): string => Math.ceil(fees).toString();

/** @returns a sentence for every target that is missed; none when all are met. */
export function missedTargets(report: Report): string[] {
    const missed = OperationNames.flatMap((name) => {
        const { gas, target } = report[name];
        return target !== null && gas > target ? [`${name}: ${gas} gas, target ${target}`] : [];
    });
    const { rent, session } = report;
    if (BigInt(rent.perYear2026) > BigInt(rent.targets.perYear2026)) {
        missed.push(`rent of an open session: ${rent.perYear2026} nano a year, target ${rent.targets.perYear2026}`);
    }
    if (BigInt(rent.locked) > BigInt(rent.targets.locked)) {
        missed.push(`coins locked beyond the deposit: ${rent.locked} nano, target ${rent.targets.locked}`);
    }
    if (session.perRequest2026 > session.target) {
        missed.push(`a request of a long session: ${session.perRequest2026} nano, target ${session.target}`);
    }
    return missed;
}
