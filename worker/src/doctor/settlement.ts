import { MaxBatchItems } from '@ton-compute/contracts';

import { batchCosts, readCosts, readSettlement } from '../settlement/account';
import { ownCommand } from '../own-command';
import { setFeesCommand } from '../registration';
import { Examination, Facts, onNetwork } from './doctor';
import { claimsPaid, leastWorthwhile } from './figures';
import { Finding, ok, problem, skipped, warning } from './finding';
import { ton } from './text';

/** Claims below which somebody should refill the float soon. */
const FewClaims = 20n;

/** Whether earnings can be claimed: key, fee float, daily cap, and what a claim costs now. */
export async function* checkSettlement({ facts, sources }: Examination): AsyncIterable<Finding> {
    const { chain, provider } = facts;
    if (chain === undefined || provider === undefined) {
        yield skipped('settlement', 'the provider is not known');
        return;
    }
    facts.settlement = await readSettlement(chain, provider.settlement);
    facts.costs = await readCosts(chain, provider.settlement);
    yield checkWorkerKey(facts);
    yield checkFloat(facts);
    yield checkCost(facts);
    yield checkEarnings(facts, sources.file);
}

function checkWorkerKey({ settlement, keys, config, provider }: Facts): Finding {
    const shown = settlement!.workerKey.toString('hex');
    if (keys === undefined || shown === keys.workerKey) {
        return ok('settlement', provider!.settlement.toString());
    }
    return config!.provider.tier === 'tdx'
        ? ok('settlement', 'knows another worker key; it learns the new one with the first quote')
        : problem('settlement', `takes batches of the worker key ${shown} only`, {
              expected: keys.workerKey,
              next: 'set the keys of the provider, as above',
          });
}

function checkFloat(facts: Facts): Finding {
    const { settlement, costs, provider } = facts;
    const { budget } = batchCosts(settlement!, costs!, false);
    const { single, batched } = claimsPaid(costs!, budget, MaxBatchItems);
    const found =
        `float ${ton(settlement!.feeFloat)}, today's cap leaves ${ton(settlement!.capLeft)}: ${single} claims one by one, ` +
        `or ${batched} in full batches`;
    if (single >= FewClaims) {
        return ok('fee float', found);
    }
    const command = (inputs: string) => onNetwork(setFeesCommand(provider!.address.toString(), inputs), facts);
    const byCap = settlement!.capLeft < settlement!.feeFloat;
    const next = byCap
        ? `wait for the next day (UTC), or raise the cap: ${command('dailyCap=1')}`
        : command('amount=0.5');
    return (single === 0n ? problem : warning)('fee float', found, { expected: `at least ${FewClaims} claims`, next });
}

function checkCost({ costs, config }: Facts): Finding {
    const { claimAbove, maxCostShare } = config!.settlement;
    const single = costs!.base + costs!.item;
    const batched = costs!.item + costs!.base / BigInt(MaxBatchItems);
    const least = leastWorthwhile(costs!, BigInt(Math.round(maxCostShare * 10_000)));
    const found =
        `at most ${ton(single)} alone, ${ton(batched)} in a batch of ${MaxBatchItems}, at the prices in force; worthwhile ` +
        `from ${ton(least)} on (settlement.maxCostShare ${maxCostShare})`;
    return claimAbove >= least
        ? ok('cost of a claim', found)
        : warning('cost of a claim', found, {
              expected: `settlement.claimAbove (${ton(claimAbove)}) of at least that: smaller amounts wait for company`,
              next: 'raise settlement.claimAbove, or settlement.maxCostShare',
          });
}

function checkEarnings(facts: Facts, file: string | undefined): Finding {
    const { settlement, costs, provider } = facts;
    const { earnings, canDistribute } = settlement!;
    if (!canDistribute) {
        return warning('earnings', `${ton(earnings)}, and the settlement does not know the protocol fee`, {
            expected: 'a known fee: until then nothing can be distributed',
            next: onNetwork(`npx blueprint run settle action=syncFee provider=${provider!.address.toString()}`, facts),
        });
    }
    const cost = costs!.base + costs!.distribute;
    return ok(
        'earnings',
        earnings > cost
            ? `${ton(earnings)} can be withdrawn: ${ownCommand('withdraw', file)} (costs at most ${ton(cost)} of the float)`
            : `${ton(earnings)}: nothing that is worth a withdrawal, which costs up to ${ton(cost)}`,
    );
}
