import { Chain } from '../chain/chain';
import { ProviderRecord } from '../chain/provider-record';
import { ConfigSources } from '../config/load';
import { WorkerConfig } from '../config/schema';
import { messageOf } from '../errors';
import { blueprintOptions } from '../init/networks';
import { PublicKeys } from '../registration';
import { SettlementAccount, SettlementCosts } from '../settlement/account';
import { Finding, problem } from './finding';
import { Speed } from './measure';

/** What earlier checks found out and later ones need; undefined as long as it is not known. */
export type Facts = {
    config?: WorkerConfig;
    /** False as long as the configuration names no provider; `config.provider.id` then means nothing. */
    registered?: boolean;
    /** What the worker that runs with this data directory says of itself. */
    running?: { device?: { note?: string }; status?: string };
    keys?: PublicKeys;
    /** `hash` is null as long as the file was not hashed. */
    weights?: { hash: string | null; bytes: number };
    speed?: Speed;
    chain?: Chain;
    globalId?: number;
    provider?: ProviderRecord;
    settlement?: SettlementAccount;
    costs?: SettlementCosts;
};

/** @returns a Blueprint command, with the options that make it reach the configured network. */
export function onNetwork(command: string, { config }: Facts): string {
    return `${command} ${blueprintOptions(config!.network.endpoint)}`;
}

/** One examination of a host: what it was asked to do, and what it knows by now. */
export type Examination = {
    sources: ConfigSources;
    /** Leaves out what takes long: hashing the weights, and generating with them. */
    quick: boolean;
    /** Ends everything that waits. */
    signal: AbortSignal;
    /** Shows how far something is that takes long; the text replaces the one before. */
    progress: (text: string) => void;
    facts: Facts;
};

/** Checks that belong together. They start nothing, send nothing, pay nothing, and leave nothing behind. */
export type CheckGroup = { title: string; run(examination: Examination): AsyncIterable<Finding> };

/**
 * Runs all checks in their order. A check that fails unexpectedly is a problem of its own and stops no other group.
 * @param report is told of each finding as soon as it is made.
 */
export async function examine(
    groups: readonly CheckGroup[],
    examination: Examination,
    report: (finding: Finding, group: string) => void,
): Promise<Finding[]> {
    const findings: Finding[] = [];
    for (const { title, run } of groups) {
        const add = (finding: Finding) => {
            findings.push(finding);
            report(finding, title);
        };
        try {
            for await (const finding of run(examination)) {
                add(finding);
            }
        } catch (error) {
            examination.signal.throwIfAborted();
            add(
                problem(title, `the checks ended early: ${messageOf(error)}`, {
                    next: 'put right what is reported above, and run doctor again',
                }),
            );
        }
    }
    return findings;
}
