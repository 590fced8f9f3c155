import { chmod, unlink } from 'node:fs/promises';
import { Address } from '@ton/core';
import Fastify, { FastifyInstance } from 'fastify';

import { messageOf } from '../errors';
import { adminSocket } from './socket';

/** What the owner may ask a running worker. Answers are JSON with amounts as decimal strings. */
export type AdminOrders = {
    status(): unknown;
    settle(): Promise<unknown>;
    finish(session: Address): Promise<unknown>;
    withdraw(): Promise<unknown>;
    /** Begins to drain, and does not wait for the end. */
    drain(): unknown;
};

/** Takes the owner's orders from the command line of the same machine. */
export class AdminServer {
    private constructor(private readonly app: FastifyInstance) {}

    /** Whoever holds the ledger's lock holds the directory: a socket that lies there was left by a crash. */
    static async open(directory: string, orders: AdminOrders): Promise<AdminServer> {
        const app = Fastify({ logger: false, forceCloseConnections: true });
        app.setErrorHandler((error, _request, reply) => reply.code(400).send({ error: messageOf(error) }));
        app.get('/status', async () => toJson(orders.status()));
        app.post('/settle', async () => toJson(await orders.settle()));
        app.post('/withdraw', async () => toJson(await orders.withdraw()));
        app.post('/drain', async () => toJson(orders.drain()));
        app.post<{ Params: { address: string } }>('/sessions/:address/close', async ({ params }) =>
            toJson(await orders.finish(Address.parse(params.address))),
        );
        const path = adminSocket(directory);
        if (process.platform !== 'win32') {
            await unlink(path).catch(() => undefined);
        }
        await app.listen({ path });
        if (process.platform !== 'win32') {
            await chmod(path, 0o600);
        }
        return new AdminServer(app);
    }

    async close(): Promise<void> {
        await this.app.close();
    }
}

/** JSON has neither bigints nor addresses. */
export function toJson(value: unknown): unknown {
    return JSON.parse(
        JSON.stringify(value, (_key, part: unknown) =>
            typeof part === 'bigint' || part instanceof Address ? part.toString() : part,
        ),
    );
}
