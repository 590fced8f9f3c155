import { Address, beginCell, Cell, contractAddress, Sender, SendMode, StateInit } from '@ton/core';
import { TonClient } from '@ton/ton';
import { Devnet } from '../src';

// Processes are started and others may use the machine: a slow test is no wrong one.
jest.setTimeout(60_000);

/** A reply of the API with its HTTP status. */
export interface Reply {
    status: number;
    ok: boolean;
    result: any;
    error: string;
    code: number;
    id: unknown;
}

/** Calls a method over JSON-RPC without any client library. */
export function rpc(devnet: { endpoint: string }, method: string, params: object = {}): Promise<Reply> {
    return post(devnet.endpoint, JSON.stringify({ id: 'test', jsonrpc: '2.0', method, params }));
}

/** Posts any text. */
export async function post(url: string, body: string, headers: Record<string, string> = {}): Promise<Reply> {
    const response = await fetch(url, { method: 'POST', body, headers });
    return { status: response.status, ...((await response.json()) as Omit<Reply, 'status'>) };
}

/** Calls a method with GET. */
export async function get(devnet: { url: string }, path: string): Promise<Reply> {
    const response = await fetch(`${devnet.url}/api/v2/${path}`);
    return { status: response.status, ...((await response.json()) as Omit<Reply, 'status'>) };
}

/** Code from opcodes in hex. */
export function code(hex: string, ref?: Cell): Cell {
    const builder = beginCell().storeBuffer(Buffer.from(hex, 'hex'));
    return (ref ? builder.storeRef(ref) : builder).endCell();
}

/** Every get-method returns its arguments; coins are accepted, external messages are not. (SETCP0, DROP) */
export const echoCode = code('ff0030');

/** Every get-method, and every external message, throws 42. (SETCP0, DROP, THROW 42) */
export const throwCode = code('ff0030f22a');

/** Every get-method returns the global id of the network. (SETCP0, DROP, GLOBALID) */
export const globalIdCode = code('ff0030f835');

/** Every get-method returns the time. (SETCP0, DROP, NOW) */
export const nowCode = code('ff0030f823');

/** Every get-method returns NaN. (SETCP0, DROP, PUSHNAN) */
export const nanCode = code('ff003083ff');

/** Every get-method returns null. (SETCP0, DROP, PUSHNULL) */
export const nullCode = code('ff00306d');

/** Every get-method returns the data after its first byte as a slice. (SETCP0, DROP, PUSH c4, CTOS, 8 LDU, NIP) */
export const restOfDataCode = code('ff0030ed44d0d30731');

/** Every get-method runs for ever. (SETCP0, DROP, PUSHCONT { NOP }, AGAIN) */
export const endlessCode = code('ff00309100ea');

/**
 * Counts the internal messages that it gets in its data, a number of 32 bits; every get-method returns the count.
 *
 * SETCP0, DUP, IFNOTJMPREF <count>, DROP, PUSH c4, CTOS, 32 LDU, DROP
 * count: PUSH c4, CTOS, 32 LDU, DROP, INC, NEWC, 32 STU, ENDC, POP c4
 */
export const counterCode = code('ff0020e30330ed44d0d31f30', code('ed44d0d31f30a4c8cb1fc9ed54'));

/**
 * Sends all its coins to itself, again and again, until they are spent on fees.
 *
 * SETCP0, DROP, 0x10 PUSHINT, NEWC, 6 STU, MYADDR, SWAP, STSLICE, 0 PUSHINT, STGRAMS, 0 PUSHINT, SWAP, 107 STU, ENDC,
 * 128 PUSHINT, SENDRAWMSG
 */
export const selfCallingCode = code('ff00308010c8cb05f82801ce70fa027001cb6ac9810080fb00');

/** Initial state of a contract; `salt` makes its address unlike that of others with the same code. */
export function stateInit(contractCode: Cell, salt = 0): { code: Cell; data: Cell } {
    return { code: contractCode, data: beginCell().storeUint(salt, 32).endCell() };
}

/** Puts a contract on the chain with a message from the first wallet. */
export async function deploy(devnet: Devnet, contractCode: Cell, salt = 0): Promise<Address> {
    const init = stateInit(contractCode, salt);
    const address = contractAddress(0, init);
    await transfer(devnet, 'deployer', address, 100_000_000n, { init });
    return address;
}

/** Sends coins from a funded wallet; the network must be in instant mode. */
export async function transfer(
    devnet: Devnet,
    from: string,
    to: Address,
    value: bigint,
    { body, init, bounce = false }: { body?: Cell; init?: StateInit; bounce?: boolean } = {},
): Promise<void> {
    await walletSender(devnet, from).send({
        to,
        value,
        body,
        init,
        bounce,
        sendMode: SendMode.PAY_GAS_SEPARATELY,
    });
}

/** A sender of a funded wallet. */
export function walletSender(devnet: Devnet, name: string): Sender {
    return devnet.wallet(name).sender(devnet.client());
}

/** Runs a get-method and returns the first number on its stack. */
export async function readNumber(client: TonClient, address: Address, method = 'any'): Promise<bigint> {
    return (await client.runMethod(address, method)).stack.readBigNumber();
}
