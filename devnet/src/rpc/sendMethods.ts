import { Address, beginCell, Cell, external, loadMessage, Message, storeMessage } from '@ton/core';
import { RpcError } from '../errors';
import { MethodTable } from './method';
import { Params } from './params';

/** Largest external message that the network takes, in bytes of its bag of cells. */
const MAX_EXTERNAL_SIZE = 65_535;

/** Methods that send an external message or tell what it would cost. */
export const sendMethods: MethodTable = {
    sendBoc: async (params, { chain }) => {
        await chain.sendExternal(readExternal(params).cell);
        return { '@type': 'ok' };
    },

    sendBocReturnHash: async (params, { chain }) => {
        const { cell, message } = readExternal(params);
        await chain.sendExternal(cell);
        return {
            '@type': 'raw.extMessageInfo',
            hash: cell.hash().toString('base64'),
            hash_norm: normalizedHash(message).toString('base64'),
        };
    },

    sendQuery: async (params, { chain }) => {
        await chain.sendExternal(buildExternal(params));
        return { '@type': 'ok' };
    },

    estimateFee: (params, { chain }) => {
        const message = buildExternal(params);
        const ignoreSignatures = params.flag('ignore_chksig', true);
        return chain.read(async ({ estimate }) => {
            const fees = await estimate(message, ignoreSignatures);
            return {
                '@type': 'query.fees',
                source_fees: {
                    '@type': 'fees',
                    in_fwd_fee: Number(fees.import),
                    storage_fee: Number(fees.storage),
                    gas_fee: Number(fees.gas),
                    fwd_fee: Number(fees.forward),
                },
                destination_fees: [],
            };
        });
    },
};

function readExternal(params: Params): { cell: Cell; message: Message } {
    const { cell, size } = params.boc('boc');
    if (size > MAX_EXTERNAL_SIZE) {
        throw new RpcError(422, `The message has ${size} bytes; an external message has at most ${MAX_EXTERNAL_SIZE}`);
    }
    let message: Message;
    try {
        message = loadMessage(cell.beginParse());
    } catch {
        throw new RpcError(
            422,
            'The bag of cells is not a message; expected a serialized external inbound message, such as ' +
                'beginCell().store(storeMessage(external({ to, body }))).endCell().toBoc()',
        );
    }
    if (message.info.type !== 'external-in') {
        throw new RpcError(
            422,
            `The message is ${message.info.type}; only an external inbound message can be sent to the network. An ` +
                'internal one is sent by a contract, for instance by a wallet',
        );
    }
    checkWorkchain(message.info.dest);
    return { cell, message };
}

function buildExternal(params: Params): Cell {
    const to = params.address('address');
    checkWorkchain(to);
    const body = params.boc('body').cell;
    const code = params.optionalBoc('init_code');
    const data = params.optionalBoc('init_data');
    const init = code || data ? { code, data } : undefined;
    return beginCell().store(storeMessage(external({ to, body, init }))).endCell();
}

function checkWorkchain({ workChain }: Address): void {
    if (workChain !== 0 && workChain !== -1) {
        throw new RpcError(422, `Workchain ${workChain} does not exist; expected an address in 0 or -1`);
    }
}

/** TEP-467: the hash that stays the same however the message was packed. */
function normalizedHash({ info, body }: Message): Buffer {
    return beginCell()
        .storeUint(2, 2)
        .storeUint(0, 2)
        .storeAddress(info.dest as Address)
        .storeCoins(0)
        .storeBit(false)
        .storeBit(true)
        .storeRef(body)
        .endCell()
        .hash();
}
