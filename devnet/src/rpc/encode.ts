import { Address, beginCell, Cell, ExternalAddress, Message, storeStateInit } from '@ton/core';
import { Account } from '../accounts';
import { Block, BlockId, Blocks, MASTERCHAIN, SHARD } from '../blocks';
import { parse, TransactionRecord } from '../history';
import { feesOf, messageCells } from '../transactions';

const COMMENT = 0;
const ENCRYPTED_COMMENT = 0x2167da4b;

/** `ton.blockIdExt` */
export function encodeBlockId({ workchain, seqno, rootHash, fileHash }: BlockId) {
    return {
        '@type': 'ton.blockIdExt',
        workchain,
        shard: SHARD.toString(),
        seqno,
        root_hash: rootHash.toString('base64'),
        file_hash: fileHash.toString('base64'),
    };
}

/** `internal.transactionId` */
export function encodeTransactionId(lt: bigint, hash: Buffer) {
    return { '@type': 'internal.transactionId', lt: lt.toString(), hash: hash.toString('base64') };
}

/** Amounts of other currencies. */
export function encodeExtraCurrencies(currencies: ReadonlyMap<number, bigint>) {
    return [...currencies].map(([id, amount]) => ({ '@type': 'extraCurrency', id, amount: amount.toString() }));
}

/** `raw.fullAccountState` */
export function encodeAccount(account: Account, blocks: Blocks) {
    return {
        '@type': 'raw.fullAccountState',
        balance: account.balance.toString(),
        extra_currencies: encodeExtraCurrencies(account.extraCurrencies),
        code: account.codeBase64,
        data: account.dataBase64,
        last_transaction_id: encodeTransactionId(account.lastLt, account.lastHash),
        block_id: encodeBlockId(blocks.id(MASTERCHAIN, blocks.lastSeqno)),
        frozen_hash: account.frozenHash?.toString('base64') ?? '',
        sync_utime: blocks.lastUtime,
        state: account.status,
    };
}

/** `raw.transaction` with its messages. */
export function encodeTransaction(record: TransactionRecord) {
    const transaction = parse(record);
    const { incoming, outgoing } = messageCells(transaction);
    const { storage } = feesOf(transaction);
    const fee = transaction.totalFees.coins;
    const outMessages = transaction.outMessages.keys().map((key) => transaction.outMessages.get(key)!);
    return {
        '@type': 'raw.transaction',
        address: { '@type': 'accountAddress', account_address: record.address.toString() },
        account: record.address.toRawString(),
        utime: transaction.now,
        data: record.boc,
        transaction_id: encodeTransactionId(record.lt, record.hash),
        fee: fee.toString(),
        storage_fee: storage.toString(),
        other_fee: (fee - storage).toString(),
        ...(incoming && transaction.inMessage ? { in_msg: encodeMessage(transaction.inMessage, incoming) } : {}),
        out_msgs: outMessages.map((message, index) => encodeMessage(message, outgoing[index])),
    };
}

/** `blocks.shortTxId` */
export function encodeShortTransaction(record: TransactionRecord) {
    return {
        '@type': 'blocks.shortTxId',
        mode: 135,
        account: record.address.toRawString(),
        lt: record.lt.toString(),
        hash: record.hash.toString('base64'),
    };
}

/** `blocks.header` */
export function encodeBlockHeader(block: Block, workchain: number, blocks: Blocks, globalId: number) {
    return {
        '@type': 'blocks.header',
        id: encodeBlockId(blocks.id(workchain, block.seqno)),
        global_id: globalId,
        version: 0,
        flags: 0,
        after_merge: false,
        after_split: false,
        before_split: false,
        want_merge: false,
        want_split: false,
        validator_list_hash_short: 0,
        catchain_seqno: 0,
        min_ref_mc_seqno: Math.max(block.seqno - 1, 0),
        is_key_block: block.seqno === 0,
        prev_key_block_seqno: 0,
        start_lt: block.startLt.toString(),
        end_lt: block.endLt.toString(),
        gen_utime: block.utime,
        vert_seqno: 0,
        prev_blocks: block.seqno === 0 ? [] : [encodeBlockId(blocks.id(workchain, block.seqno - 1))],
    };
}

/** Base64 of a cell; an empty text when there is none. */
export function encodeCell(cell: Cell | null | undefined): string {
    return cell ? cell.toBoc().toString('base64') : '';
}

function encodeMessage({ info, init, body }: Message, cell: Cell) {
    const internal = info.type === 'internal' ? info : undefined;
    const currencies = internal?.value.other;
    return {
        '@type': 'raw.message',
        hash: cell.hash().toString('base64'),
        source: encodeAddress(info.src),
        destination: encodeAddress(info.dest),
        value: (internal?.value.coins ?? 0n).toString(),
        extra_currencies: encodeExtraCurrencies(
            new Map(currencies ? currencies.keys().map((id) => [id, currencies.get(id)!]) : []),
        ),
        fwd_fee: (internal?.forwardFee ?? (info.type === 'external-in' ? info.importFee : 0n)).toString(),
        ihr_fee: (internal?.ihrFee ?? 0n).toString(),
        created_lt: (info.type === 'external-in' ? 0n : info.createdLt).toString(),
        body_hash: body.hash().toString('base64'),
        ...encodeBody(body, encodeCell(init && beginCell().store(storeStateInit(init)).endCell())),
        // Not in toncenter's answer, but what people look for when a message came back.
        ...(internal ? { bounce: internal.bounce, bounced: internal.bounced } : {}),
    };
}

function encodeBody(body: Cell, initState: string) {
    const slice = body.beginParse();
    const tag = !body.isExotic && slice.remainingBits >= 32 ? slice.loadUint(32) : undefined;
    if (tag === COMMENT || tag === ENCRYPTED_COMMENT) {
        const bytes = snakeBytes(slice.asCell());
        const text = bytes && decodeUtf8(bytes);
        if (tag === COMMENT && bytes && text !== undefined) {
            return { msg_data: { '@type': 'msg.dataText', text: bytes.toString('base64') }, message: text };
        }
        if (tag === ENCRYPTED_COMMENT && bytes) {
            return { msg_data: { '@type': 'msg.dataEncryptedText', text: bytes.toString('base64') }, message: '' };
        }
    }
    return {
        msg_data: { '@type': 'msg.dataRaw', body: encodeCell(body), init_state: initState },
        message: rootBytes(body).toString('base64') + '\n',
    };
}

/** The bytes of a text that goes on in the first reference of each cell; undefined when it is not whole bytes. */
function snakeBytes(cell: Cell): Buffer | undefined {
    const parts: Buffer[] = [];
    for (let next: Cell | undefined = cell; next; next = next.refs[0]) {
        if (next.isExotic || next.bits.length % 8 !== 0 || next.refs.length > 1) {
            return undefined;
        }
        parts.push(next.beginParse().loadBuffer(next.bits.length / 8));
    }
    return Buffer.concat(parts);
}

function decodeUtf8(bytes: Buffer): string | undefined {
    try {
        return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch {
        return undefined;
    }
}

/** The bits of the root cell, filled up with zeros to whole bytes. */
function rootBytes(cell: Cell): Buffer {
    const { bits } = cell;
    const padding = (8 - (bits.length % 8)) % 8;
    const padded = beginCell().storeBits(bits).storeUint(0, padding).endCell();
    return padded.beginParse().loadBuffer(padded.bits.length / 8);
}

function encodeAddress(address: Address | ExternalAddress | null | undefined): string {
    return Address.isAddress(address) ? address.toString() : '';
}
