import { Client, FolderStore, Job, JobStatusReport } from '@ton-compute/client';
import { CoinSymbol } from '@ton-compute/contracts';
import { toNano } from '@ton/core';
import { batch, AnswerTokens } from './conversation';
import { DemoProvider } from './provider';
import { detail } from './stage';
import { coins } from './tables';

const Ceiling = toNano('2');
/** Seconds in which bids and the award count, and of them those for collecting bids. */
const AwardSeconds = 120;
const BiddingSeconds = 15;

/** A batch that goes out to auction: the lowest bid of an attested provider wins, and its worker's signature is paid. */
export async function auction(client: Client, model: string, store: FolderStore): Promise<Job> {
    const job = await client.jobs.create({
        model, store, task: 'chat', items: batch, parameters: { temperature: 0, max_tokens: AnswerTokens },
        ceiling: Ceiling, awardSeconds: AwardSeconds, minimumWait: BiddingSeconds, deliverySeconds: 600,
    });
    const { listing } = await job.status();
    detail(`job ${job.address.toString()}, ${batch.length} items, at most ${coins(Ceiling)} ${CoinSymbol}${listing === null ? '' : ', listed'}`);
    await job.wait({ onProgress: tell() });
    const { items, paid, provider, usage } = await job.result();
    batch.forEach((prompt, index) => {
        const item = items[index];
        detail(`item    <- ${prompt.replaceAll('\n', ' / ')}`);
        detail(`        -> ${item.status === 'ok' && 'content' in item ? item.content.trim() : JSON.stringify(item)}`);
    });
    detail(`${provider.toString()} was paid ${coins(paid)} ${CoinSymbol} for ${usage.promptTokens} + ${usage.completionTokens} tokens`);
    return job;
}

/**
 * A job for one provider, whose machine is switched off when it has bid: at the deadline anyone may end it, and
 * the client gets the reward and the bond.
 */
export async function failure(
    client: Client,
    model: string,
    store: FolderStore,
    { worker, provider }: DemoProvider,
    setTime: (time: number) => Promise<number>,
): Promise<Job> {
    const job = await client.jobs.create({
        model, store, provider, task: 'chat', items: batch.slice(0, 1), parameters: { max_tokens: AnswerTokens },
        ceiling: Ceiling, awardSeconds: AwardSeconds, deliverySeconds: 3_600,
    });
    detail(`job ${job.address.toString()} for ${provider.toString()} alone`);
    await untilBid(job);
    worker.kill();
    await job.award();
    const { deliveryDeadline, bond, bid } = await job.status();
    detail(`it bids ${coins(bid!.amount)} ${CoinSymbol}, its machine is switched off, the client awards, and nothing is delivered`);
    await setTime(deliveryDeadline! + 1);
    await job.expire();
    detail(`the deadline has passed: ${coins(bid!.amount)} ${CoinSymbol} and the bond of ${coins(bond)} ${CoinSymbol} are back with the client`);
    return job;
}

async function untilBid(job: Job): Promise<void> {
    while ((await job.status()).bid === null) {
        await new Promise((resolve) => setTimeout(resolve, 200));
    }
}

/** @returns a listener that says what is new. */
function tell(): (status: JobStatusReport) => void {
    let last = '';
    const say = (line: string): void => {
        if (line !== last) {
            detail(line);
            last = line;
        }
    };
    return ({ state, bid }) => {
        if (state === 'bidding' && bid !== null) {
            say(`best bid ${coins(bid.amount)} ${CoinSymbol} by ${bid.provider.toString()}`);
        } else if (state !== 'bidding' && state !== 'new') {
            say(state === 'awarded' ? `awarded for ${coins(bid!.amount)} ${CoinSymbol}: the key of the content is sealed to the winner` : state);
        }
    };
}
