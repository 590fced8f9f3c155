import { writeFileSync } from 'node:fs';
import { NetworkProvider } from '@ton/blueprint';
import { Address } from '@ton/core';
import { ChainPrices, CoinSymbol, ContractName } from '@ton-compute/contracts';
import { ScriptError } from './error';
import { Inputs } from './inputs';
import { chainTime, contractAt, goByClock, readPrices } from './network';
import { showCoins } from './parsing';
import { accountOfTransaction, failureOf, follow, lastLt, operationOf, Trace } from './trace';

/** nanoTON that a wallet should have beyond what it sends, for its own fees. */
const WalletFees = 20_000_000n;

/** One run of a script: its inputs, the network, and everything that it prints. */
export class Script {
    private readonly result: Record<string, string> = {};
    private spent: { fees: bigint; transactions: number } = { fees: 0n, transactions: 0 };

    private constructor(
        readonly provider: NetworkProvider,
        readonly inputs: Inputs,
    ) {}

    /**
     * @param args what Blueprint passes on: inputs as `name=value`.
     * @param names the inputs of this script.
     */
    static async start(provider: NetworkProvider, args: readonly string[], names: readonly string[]): Promise<Script> {
        const script = new Script(provider, new Inputs(provider.ui(), args, names));
        if (provider.network() === 'custom') {
            goByClock(await chainTime(provider));
        }
        return script;
    }

    /** The wallet that pays. */
    get wallet(): Address {
        const { address } = this.provider.sender();
        if (address === undefined) {
            throw new ScriptError('This wallet does not tell its address: use --mnemonic or --tonconnect.');
        }
        return address;
    }

    prices(): Promise<ChainPrices> {
        return readPrices(this.provider);
    }

    write(text: string): void {
        this.provider.ui().write(text);
    }

    /** @returns an address as people write it on this network. */
    format(address: Address): string {
        return address.toString({ testOnly: this.provider.network() === 'testnet' });
    }

    /** Prints an address with a link to an explorer, and puts it into the result. */
    address(name: string, label: string, address: Address): void {
        this.value(name, this.format(address));
        const link = this.explorer(address);
        this.write(`${label.padEnd(22)} ${this.format(address)}${link === null ? '' : `\n${''.padEnd(22)} ${link}`}`);
    }

    /** Puts a value into the result without printing it. */
    value(name: string, value: string): void {
        this.result[name] = value;
    }

    /** Prints one line of a listing. */
    line(label: string, value: string): void {
        this.write(`${label.padEnd(22)} ${value}`);
    }

    /**
     * @returns the account, which runs the code of one of these contracts.
     * @throws ScriptError when there is something else, or nothing.
     */
    async require(account: Address, ...expected: ContractName[]): Promise<ContractName> {
        const found = await contractAt(this.provider, account);
        if (found === null || !expected.includes(found)) {
            const what = found === null ? 'no contract of this release on this network' : `a ${found}`;
            throw new ScriptError(
                `${this.format(account)} is ${what}: expected a ${expected.join(' or ')}. ` +
                    'Check the address, the network, and the release.',
            );
        }
        return found;
    }

    /** @throws ScriptError when the wallet is not the account that an operation belongs to. */
    requireWallet(account: Address, who: string): void {
        if (!this.wallet.equals(account)) {
            throw new ScriptError(
                `Only ${who} ${this.format(account)} may do this, and the wallet is ${this.format(this.wallet)}: ` +
                    'connect the other wallet.',
            );
        }
    }

    /**
     * Sends a message, waits for everything that follows from it, and prints what it cost. Asks first on the mainnet.
     * @param what what is done, for instance "open a session".
     * @param value nanoTON that the message carries.
     * @param bestEffort operations whose failure does no harm.
     * @throws ScriptError when the wallet has too little, the person says no, or a contract refuses.
     */
    async spend(
        what: string,
        target: Address,
        value: bigint,
        send: () => Promise<void>,
        bestEffort: number[] = [],
    ): Promise<Trace> {
        const before = await this.balance(this.wallet);
        if (before < value + WalletFees) {
            throw new ScriptError(
                `To ${what}, the wallet ${this.format(this.wallet)} needs ${showCoins(value + WalletFees)} ` +
                    `${CoinSymbol} and has ${showCoins(before)}: send it more coins first.`,
            );
        }
        await this.confirm(`${what}: send ${showCoins(value)} ${CoinSymbol} to ${this.format(target)}?`);
        const after = await lastLt(this.provider, this.wallet);
        await send();
        const trace = await follow(this.provider, this.wallet, target, after);
        this.requireSuccess(what, trace, bestEffort);
        this.spent = {
            fees: this.spent.fees + trace.fees,
            transactions: this.spent.transactions + trace.transactions.length,
        };
        const change = (await this.balance(this.wallet)) - before;
        this.write(
            `Done: ${what}. Wallet ${change < 0n ? '' : '+'}${showCoins(change)} ${CoinSymbol}; ` +
                `fees ${showCoins(trace.fees)} in ${trace.transactions.length} transactions.`,
        );
        return trace;
    }

    /** Writes the result to the file that the environment variable RESULT_FILE names, as JSON; values are strings. */
    finish(): void {
        const file = process.env.RESULT_FILE;
        if (file) {
            const { fees, transactions } = this.spent;
            const about = { network: this.provider.network(), wallet: this.format(this.wallet) };
            const cost = { fees: fees.toString(), transactions: transactions.toString() };
            writeFileSync(file, JSON.stringify({ ...about, ...this.result, ...cost }, null, 2) + '\n');
        }
    }

    async balance(account: Address): Promise<bigint> {
        return (await this.provider.getContractState(account)).balance;
    }

    private async confirm(question: string): Promise<void> {
        if (this.provider.network() !== 'mainnet' || process.env.CONFIRM === 'yes') {
            return;
        }
        if (!this.inputs.interactive) {
            throw new ScriptError(`${question} This is the mainnet and nobody can be asked: set CONFIRM=yes to agree.`);
        }
        if (!(await this.provider.ui().prompt(`MAINNET. ${question}`))) {
            throw new ScriptError('Nothing was sent.');
        }
    }

    private requireSuccess(what: string, { transactions }: Trace, bestEffort: number[]): void {
        for (const transaction of transactions) {
            const failure = failureOf(transaction);
            const account = accountOfTransaction(transaction);
            if (failure !== null && !account.equals(this.wallet)) {
                const message = `${this.format(account)} refused. ${failure}`;
                if (!bestEffort.includes(operationOf(transaction))) {
                    throw new ScriptError(`Could not ${what}: ${message} The value came back, less fees.`);
                }
                this.write(`Note: ${message}`);
            }
        }
    }

    private explorer(address: Address): string | null {
        const network = this.provider.network();
        if (network === 'custom') {
            return null;
        }
        const prefix = network === 'mainnet' ? '' : `${network}.`;
        const shown = this.format(address);
        switch (this.provider.explorer()) {
            case 'tonscan':
                return `https://${prefix}tonscan.org/address/${shown}`;
            case 'toncx':
                return `https://${prefix}ton.cx/address/${shown}`;
            case 'dton':
                return `https://${prefix}dton.io/a/${shown}`;
            default:
                return `https://${prefix}tonviewer.com/${shown}`;
        }
    }
}
