import { Block, Blocks, MASTERCHAIN, BASECHAIN, SHARD } from '../blocks';
import { configParameter, configParameterIds, readGlobalId } from '../config';
import { RpcError } from '../errors';
import { TransactionRecord } from '../history';
import { findLibrary } from '../libraries';
import { encodeBlockHeader, encodeBlockId, encodeCell, encodeShortTransaction, encodeTransaction } from './encode';
import { MethodTable } from './method';
import { Params } from './params';

const UINT32_MAX = 2 ** 32 - 1;

/** TonClient refuses an answer that is not complete, so everything is given unless less was asked for. */
const ALL_TRANSACTIONS = 10_000;

/** Methods about blocks and the configuration. */
export const blockMethods: MethodTable = {
    getMasterchainInfo: (_, { chain }) =>
        chain.read(({ blocks }) => ({
            '@type': 'blocks.masterchainInfo',
            last: encodeBlockId(blocks.id(MASTERCHAIN, blocks.lastSeqno)),
            state_root_hash: blocks.id(MASTERCHAIN, blocks.lastSeqno).rootHash.toString('base64'),
            init: encodeBlockId(blocks.id(MASTERCHAIN, 0)),
        })),

    getConsensusBlock: (_, { chain }) =>
        chain.read(({ blocks }) => ({ consensus_block: blocks.lastSeqno, timestamp: blocks.lastUtime })),

    shards: (params, { chain }) => {
        const seqno = params.integer('seqno', { min: 0, max: UINT32_MAX });
        return chain.read(({ blocks }) => {
            const block = existing(blocks.get(seqno), blocks, `seqno ${seqno}`);
            return { '@type': 'blocks.shards', shards: [encodeBlockId(blocks.id(BASECHAIN, block.seqno))] };
        });
    },

    lookupBlock: (params, { chain }) => {
        const workchain = readWorkchain(params);
        checkShard(params);
        const given = ['seqno', 'lt', 'unixtime'].filter((name) => params.has(name));
        if (given.length !== 1) {
            throw new RpcError(
                422,
                'lookupBlock: expected exactly one of "seqno", "lt" and "unixtime"; got ' +
                    (given.join(' and ') || 'none'),
            );
        }
        const seqno = params.has('seqno') ? params.integer('seqno', { min: 0, max: UINT32_MAX }) : 0;
        const lt = params.uint64('lt', 0n);
        const utime = params.integer('unixtime', { min: 0, max: UINT32_MAX, fallback: 0 });
        return chain.read(({ blocks }) => {
            const block =
                given[0] === 'seqno' ? blocks.get(seqno) : given[0] === 'lt' ? blocks.atLt(lt) : blocks.atTime(utime);
            const wanted = `${given[0]} ${String(params.raw(given[0]))}`;
            return encodeBlockId(blocks.id(workchain, existing(block, blocks, wanted).seqno));
        });
    },

    getBlockHeader: (params, { chain }) => {
        const { workchain, seqno } = readBlock(params);
        return chain.read(({ blocks, config }) =>
            encodeBlockHeader(
                existing(blocks.get(seqno), blocks, `seqno ${seqno}`),
                workchain,
                blocks,
                readGlobalId(config),
            ),
        );
    },

    getBlockTransactions: (params, context) => blockTransactions(params, context, encodeShortTransaction, ''),

    getBlockTransactionsExt: (params, context) => blockTransactions(params, context, encodeTransaction, 'Ext'),

    getConfigParam: (params, { chain }) => {
        const name = params.has('param') && !params.has('config_id') ? 'param' : 'config_id';
        const id = params.integer(name, { min: -(2 ** 31), max: 2 ** 31 - 1 });
        return chain.read(({ config }) => {
            const cell = configParameter(config, id);
            if (!cell) {
                throw new RpcError(
                    404,
                    `Configuration parameter ${id} is not set; set are ${configParameterIds(config).join(', ')}`,
                );
            }
            return { '@type': 'configInfo', config: { '@type': 'tvm.cell', bytes: encodeCell(cell) } };
        });
    },

    getConfigAll: (_, { chain }) =>
        chain.read(({ config }) => ({
            '@type': 'configInfo',
            config: { '@type': 'tvm.cell', bytes: encodeCell(config) },
        })),

    getLibraries: (params, { chain }) => {
        const hashes = params
            .list('libraries')
            .map((_, index, list) => new Params('getLibraries', { libraries: list[index] }).hash('libraries'));
        return chain.read(({ libraries }) => ({
            '@type': 'smc.libraryResult',
            result: hashes.flatMap((hash) => {
                const library = findLibrary(libraries, hash);
                const data = encodeCell(library);
                return library
                    ? [{ '@type': 'smc.libraryEntry', hash: hash.toString('base64'), data }]
                    : [];
            }),
        }));
    },
};

function blockTransactions(
    params: Params,
    { chain }: Parameters<MethodTable[string]>[1],
    encode: (record: TransactionRecord) => object,
    suffix: string,
) {
    const { workchain, seqno } = readBlock(params);
    const count = params.integer('count', { min: 1, max: ALL_TRANSACTIONS, fallback: ALL_TRANSACTIONS });
    const afterLt = params.uint64('after_lt', 0n);
    const afterHash = params.has('after_hash') ? params.hash('after_hash') : undefined;
    return chain.read(({ blocks }) => {
        const block = existing(blocks.get(seqno), blocks, `seqno ${seqno}`);
        // A block lists its transactions by account, then by logical time.
        const all = block.transactions
            .filter(({ address }) => address.workChain === workchain)
            .sort((a, b) => Buffer.compare(a.address.hash, b.address.hash) || (a.lt < b.lt ? -1 : 1));
        const rest = afterHash
            ? all.filter(({ address, lt }) => {
                  const order = Buffer.compare(address.hash, afterHash);
                  return order > 0 || (order === 0 && lt > afterLt);
              })
            : all;
        return {
            '@type': `blocks.transactions${suffix}`,
            id: encodeBlockId(blocks.id(workchain, seqno)),
            req_count: count,
            incomplete: rest.length > count,
            transactions: rest.slice(0, count).map(encode),
        };
    });
}

function readBlock(params: Params) {
    const workchain = readWorkchain(params);
    checkShard(params);
    return { workchain, seqno: params.integer('seqno', { min: 0, max: UINT32_MAX }) };
}

function readWorkchain(params: Params): number {
    return params.integer('workchain', { min: MASTERCHAIN, max: BASECHAIN });
}

function checkShard(params: Params): void {
    const shard = String(params.raw('shard') ?? '');
    const known = [SHARD.toString(), BigInt.asUintN(64, SHARD).toString(), BigInt.asUintN(64, SHARD).toString(16)];
    // In JSON the number has lost its last digits on the way; only one shard is meant by it.
    if (!known.includes(shard) && shard !== String(Number(SHARD))) {
        throw params.wrong('shard', params.raw('shard') ?? null, `"${SHARD}": each workchain has one shard here`);
    }
}

function existing(block: Block | undefined, blocks: Blocks, wanted: string): Block {
    if (!block) {
        throw new RpcError(
            404,
            `LITE_SERVER_NOTREADY: there is no block with ${wanted}; the last one is ${blocks.lastSeqno} at Unix ` +
                `time ${blocks.lastUtime}`,
        );
    }
    return block;
}
