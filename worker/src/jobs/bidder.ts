import { bidValue, expireJobValue } from '@ton-compute/contracts';

import { JobSnapshot } from '../chain/job';
import { JobId } from '../ledger/jobs';
import { aboutBid, BidAnswer, bidAnswerIn, bidBody, expireBody } from './messages';
import { JobOffice, ValueMargin } from './office';

/** Sends bids through the provider, with the bond from the gas wallet. */
export class Bidder {
    constructor(private readonly office: JobOffice) {}

    /** Keeps a bid on the disk, before it is sent: whatever happens, the bond is not forgotten. @param amount nanoTON. */
    async note({ address: job, openedLt, agreement, terms, listing }: JobSnapshot, amount: bigint): Promise<void> {
        const { chain, ledger } = this.office;
        await ledger.write(ledger.jobs.putBid({ id: { job, openedLt }, amount, bond: agreement.bond, terms, listing }, chain.now()));
    }

    /** @throws {AttestFailure} when the wallet cannot send it, the provider refuses it, or no answer comes. */
    async send({ address: job, openedLt, agreement }: JobSnapshot, amount: bigint, signal: AbortSignal): Promise<BidAnswer> {
        const { chain, ledger, wallet, provider } = this.office;
        const id: JobId = { job, openedLt };
        const value = agreement.bond + ValueMargin * bidValue(await chain.prices(), 0n);
        const answer = await wallet.exchange({ to: provider, value, body: bidBody(id, amount) }, bidAnswerIn(provider, id), signal);
        await ledger.write(ledger.jobs.setState(id, answer.kind === 'accepted' ? 'leading' : 'outbid', chain.now()));
        return answer;
    }

    /** Ends a job that its client did not award in time: the bond comes back. @throws {AttestFailure} */
    async expire({ address, openedLt }: JobSnapshot, signal: AbortSignal): Promise<void> {
        const { chain, wallet } = this.office;
        const value = ValueMargin * expireJobValue(await chain.prices());
        await wallet.exchange(
            { to: address, value, body: expireBody() },
            ({ from, body }) => (from.equals(address) ? aboutBid(body, openedLt) : undefined),
            signal,
        );
    }
}
