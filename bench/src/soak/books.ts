import { Session, SpendingReport } from '@ton-compute/client';
import { accountFromJson, SessionAccount } from '@ton-compute/protocol';

import { PromptTokens, UpstreamState } from '../support/upstream-messages';
import { Visits } from './visitor';

/** Everything that was counted, by each of those who count. */
export type Counts = {
    /** By the readers of the answers. */
    visits: Visits;
    /** By the server that generated them. */
    sent: UpstreamState;
    /** By the worker. */
    accounts: readonly SessionAccount[];
    /** By the client. */
    reports: readonly SpendingReport[];
};

/** @returns a session's account as the worker has it. */
export async function accountOf(session: Session): Promise<SessionAccount> {
    return accountFromJson(await (await fetch(`${session.baseURL}/sessions/${session.address.toRawString()}`)).json());
}

/** @returns a sentence for each charge that is lost, double, or for nothing. */
export function faultsOf({ visits, sent, accounts, reports }: Counts): string[] {
    const faults: string[] = [];
    const expect = (holds: boolean, fault: string) => void (holds || faults.push(fault));
    accounts.forEach(({ spent }, index) => {
        const { amount, signed, stopped } = reports[index];
        expect(spent === amount, `Session ${index}: the worker counts ${spent} nanoTON, the client ${amount}.`);
        expect(signed >= amount, `Session ${index}: ${amount} nanoTON were used, ${signed} signed.`);
        expect(stopped === null, `Session ${index} was stopped: ${stopped?.message}`);
    });
    const sum = (figure: (report: SpendingReport) => bigint) => Number(reports.reduce((total, next) => total + figure(next), 0n));
    const completion = sum(({ tokens }) => tokens.completion + tokens.reasoning);
    const prompt = sum(({ tokens }) => tokens.prompt + tokens.cached);
    const least = visits.completeTokens + visits.partialTokens;
    expect(completion >= least, `${least} tokens arrived, only ${completion} were charged: some were lost.`);
    expect(completion <= sent.sentTokens, `${completion} tokens were charged, only ${sent.sentTokens} were generated.`);
    expect(prompt <= sent.begun * PromptTokens, `${prompt} prompt tokens were charged for ${sent.begun} prompts of ${PromptTokens}.`);
    expect(prompt >= visits.complete * PromptTokens, `${prompt} prompt tokens were charged for ${visits.complete} complete answers.`);
    return faults;
}
