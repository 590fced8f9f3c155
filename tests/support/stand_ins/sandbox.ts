import type * as Sandbox from '@ton/sandbox';

// Stands in for @ton/sandbox in all tests: the library itself, that goes back to a snapshot without writing every account
// of the chain, with its code, once more. An account is parsed when something asks for it.

const sandbox = require('../../../node_modules/@ton/sandbox/dist/index.js') as typeof Sandbox;

type Snapshot = ReturnType<Sandbox.SmartContract['snapshot']>;
type State = { address: Sandbox.SmartContract['address']; _account: string; parsedAccount: unknown; lastTxTime: number; _verbosity: unknown };

const contract = sandbox.SmartContract.prototype;
const { snapshot, loadFrom } = contract;
const accounts = new WeakMap<Snapshot, string>();

contract.snapshot = function (this: Sandbox.SmartContract): Snapshot {
    const taken = snapshot.call(this);
    accounts.set(taken, (this as unknown as State)._account);
    return Object.freeze(taken);
};

contract.loadFrom = function (this: Sandbox.SmartContract, from: Snapshot): void {
    const account = accounts.get(from);
    const state = this as unknown as State;
    if (account === undefined || !from.address.equals(this.address)) {
        return loadFrom.call(this, from);
    }
    state._account = account;
    state.parsedAccount = undefined;
    state.lastTxTime = from.lastTxTime;
    state._verbosity = from.verbosity === undefined ? undefined : { ...from.verbosity };
};

export = sandbox;
