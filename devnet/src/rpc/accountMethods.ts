import { Address, getMethodId } from '@ton/core';
import { RpcError } from '../errors';
import { MASTERCHAIN } from '../blocks';
import { encodeAccount, encodeBlockId, encodeTransaction, encodeTransactionId } from './encode';
import { walletInformation } from './knownWallets';
import { MethodTable } from './method';
import { Params } from './params';
import { decodeStack, encodeStack } from './stack';

const MAX_TRANSACTIONS = 10_000;
const INT32 = { min: -(2 ** 31), max: 2 ** 31 - 1 };

/** Methods about one account: state, history, get-methods, forms of the address. */
export const accountMethods: MethodTable = {
    getAddressInformation: (params, { chain }) => {
        const address = params.address('address');
        return chain.read(({ accounts, blocks }) => encodeAccount(accounts.get(address), blocks));
    },

    getExtendedAddressInformation: (params, { chain }) => {
        const address = params.address('address');
        return chain.read(({ accounts, blocks }) => {
            const account = accounts.get(address);
            return {
                '@type': 'fullAccountState',
                address: { '@type': 'accountAddress', account_address: address.toString() },
                balance: account.balance.toString(),
                extra_currencies: [],
                last_transaction_id: encodeTransactionId(account.lastLt, account.lastHash),
                block_id: encodeBlockId(blocks.id(MASTERCHAIN, blocks.lastSeqno)),
                sync_utime: blocks.lastUtime,
                account_state: extendedState(account),
                revision: 0,
            };
        });
    },

    getWalletInformation: (params, { chain }) => {
        const address = params.address('address');
        return chain.read(({ accounts }) => {
            const account = accounts.get(address);
            const wallet = walletInformation(account);
            return {
                wallet: wallet !== undefined,
                balance: account.balance.toString(),
                account_state: account.status,
                ...(wallet && { wallet_type: wallet.type, seqno: wallet.seqno }),
                last_transaction_id: encodeTransactionId(account.lastLt, account.lastHash),
                ...(wallet?.walletId !== undefined && { wallet_id: wallet.walletId }),
            };
        });
    },

    getAddressBalance: (params, { chain }) => {
        const address = params.address('address');
        return chain.read(({ accounts }) => accounts.get(address).balance.toString());
    },

    getAddressState: (params, { chain }) => {
        const address = params.address('address');
        return chain.read(({ accounts }) => accounts.get(address).status);
    },

    getTransactions: (params, { chain }) => {
        const address = params.address('address');
        const limit = params.integer('limit', { min: 1, max: MAX_TRANSACTIONS, fallback: 10 });
        const toLt = params.uint64('to_lt', 0n);
        const from = startOfPage(params);
        return chain.read(({ history }) => {
            const records = history.ofAccount(address, { from, toLt, limit });
            if (!records) {
                throw new RpcError(
                    404,
                    `Account ${address.toString()} has no transaction with lt ${from?.lt} and hash ` +
                        `${from?.hash.toString('hex')}; take both from a transaction_id of this account`,
                );
            }
            return records.map(encodeTransaction);
        });
    },

    tryLocateTx: locateResult,
    tryLocateResultTx: locateResult,
    tryLocateSourceTx: (params, { chain }) => {
        const { source, destination, createdLt } = messageKey(params);
        return chain.read(({ history }) => {
            const record = history.byOutgoing(source, destination, createdLt);
            return record ? encodeTransaction(record) : notLocated(source, destination, createdLt);
        });
    },

    runGetMethod: (params, { chain }) => {
        const address = params.address('address');
        const methodId = readMethodId(params);
        const stack = decodeStack(params.list('stack', []));
        return chain.read(async ({ accounts, blocks, getMethod }) => {
            const account = accounts.get(address);
            const result = await getMethod(account, methodId, stack);
            return {
                '@type': 'smc.runResult',
                gas_used: result.gasUsed,
                stack: encodeStack(result.stack),
                exit_code: result.exitCode,
                block_id: encodeBlockId(blocks.id(MASTERCHAIN, blocks.lastSeqno)),
                last_transaction_id: encodeTransactionId(account.lastLt, account.lastHash),
            };
        });
    },

    packAddress: (params) => params.address('address').toString(),

    unpackAddress: (params) => params.address('address').toRawString(),

    detectAddress: (params) => {
        const address = params.address('address');
        const text = params.text('address').trim();
        const friendly = Address.isFriendly(text) ? Address.parseFriendly(text) : undefined;
        const testOnly = friendly?.isTestOnly ?? false;
        const forms = (bounceable: boolean) => ({
            b64: address.toString({ bounceable, testOnly, urlSafe: false }),
            b64url: address.toString({ bounceable, testOnly }),
        });
        return {
            raw_form: address.toRawString(),
            bounceable: forms(true),
            non_bounceable: forms(false),
            given_type: friendly
                ? friendly.isBounceable
                    ? 'friendly_bounceable'
                    : 'friendly_non_bounceable'
                : 'raw_form',
            test_only: testOnly,
        };
    },

    detectHash: (params) => {
        const hash = params.hash('hash');
        return { b64: hash.toString('base64'), b64url: hash.toString('base64url'), hex: hash.toString('hex') };
    },
};

function extendedState(account: Parameters<typeof walletInformation>[0]) {
    const frozenHash = account.frozenHash?.toString('base64') ?? '';
    if (account.status === 'uninitialized') {
        return { '@type': 'uninited.accountState', frozen_hash: frozenHash };
    }
    const wallet = walletInformation(account);
    const known = wallet && /^wallet (v3|v4)/.exec(wallet.type)?.[1];
    if (wallet && known) {
        return { '@type': `wallet.${known}.accountState`, wallet_id: String(wallet.walletId), seqno: wallet.seqno };
    }
    return {
        '@type': 'raw.accountState',
        code: account.codeBase64,
        data: account.dataBase64,
        frozen_hash: frozenHash,
    };
}

function startOfPage(params: Params): { lt: bigint; hash: Buffer } | undefined {
    if (params.has('lt') !== params.has('hash')) {
        throw new RpcError(
            422,
            'getTransactions: "lt" and "hash" go together; give both, as in a transaction_id, or none of them',
        );
    }
    return params.has('lt') ? { lt: params.uint64('lt'), hash: params.hash('hash') } : undefined;
}

function messageKey(params: Params) {
    return {
        source: params.address('source'),
        destination: params.address('destination'),
        createdLt: params.uint64('created_lt'),
    };
}

function locateResult(...[params, { chain }]: Parameters<MethodTable[string]>) {
    const { source, destination, createdLt } = messageKey(params);
    return chain.read(({ history }) => {
        const record = history.byIncoming(source, destination, createdLt);
        return record ? encodeTransaction(record) : notLocated(source, destination, createdLt);
    });
}

function notLocated(source: Address, destination: Address, createdLt: bigint): never {
    throw new RpcError(
        404,
        `Tx not found: no message from ${source.toString()} to ${destination.toString()} was created at lt ` +
            `${createdLt}; take the three from a message of getTransactions`,
    );
}

function readMethodId(params: Params): number {
    const method = params.raw('method');
    if (typeof method === 'number' || (typeof method === 'string' && /^-?\d+$/.test(method))) {
        return params.integer('method', INT32);
    }
    // recv_internal and recv_external have no hashed number, and nothing good comes of calling them as get-methods.
    return getMethodId(params.text('method'));
}
