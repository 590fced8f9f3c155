import { createServer, IncomingMessage, request, Server, ServerResponse } from 'node:http';
import { AddressInfo } from 'node:net';

/** What somebody on the way does with one request; `forward` sends it on. */
export type Meddling = (
    incoming: IncomingMessage,
    answer: ServerResponse,
    body: Buffer,
    forward: Forward,
) => Promise<void>;

/** Sends the request on. @param change what happens to each piece of the answer; null ends the connection there. */
export type Forward = (change?: (piece: Buffer, number: number) => Buffer | null) => Promise<void>;

/** Stands between a client and a server, as a network or a gateway does. */
export class Proxy {
    /** Null: everything passes unchanged. */
    meddling: Meddling | null = null;
    /** Requests that came, by method and path. */
    readonly seen: string[] = [];

    private constructor(
        private readonly server: Server,
        readonly url: string,
    ) {}

    /** @param target URL of the server; it may be set later. */
    static async start(target: () => string): Promise<Proxy> {
        const server = createServer();
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        const proxy = new Proxy(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
        server.on('request', (incoming: IncomingMessage, answer: ServerResponse) => {
            void proxy.pass(incoming, answer, target()).catch(() => answer.destroy());
        });
        return proxy;
    }

    async stop(): Promise<void> {
        this.server.closeAllConnections();
        await new Promise((resolve) => this.server.close(resolve));
    }

    private async pass(incoming: IncomingMessage, answer: ServerResponse, target: string): Promise<void> {
        this.seen.push(`${incoming.method} ${incoming.url}`);
        const parts: Buffer[] = [];
        for await (const part of incoming) {
            parts.push(part as Buffer);
        }
        const body = Buffer.concat(parts);
        const forward: Forward = (change) => this.forward(incoming, answer, body, target, change);
        await (this.meddling === null ? forward() : this.meddling(incoming, answer, body, forward));
    }

    private forward(
        incoming: IncomingMessage,
        answer: ServerResponse,
        body: Buffer,
        target: string,
        change: (piece: Buffer, number: number) => Buffer | null = (piece) => piece,
    ): Promise<void> {
        return new Promise((resolve, reject) => {
            const { hostname, port } = new URL(target);
            const onward = request({
                hostname,
                port,
                method: incoming.method,
                path: incoming.url,
                headers: { ...incoming.headers, 'content-length': String(body.length) },
            }, (response) => {
                // What is changed may have another length.
                const { 'content-length': _, ...headers } = response.headers;
                answer.writeHead(response.statusCode!, headers);
                let number = 0;
                response.on('data', (piece: Buffer) => {
                    const changed = change(piece, number);
                    number += 1;
                    if (changed === null) {
                        answer.destroy();
                        response.destroy();
                    } else {
                        answer.write(changed);
                    }
                });
                response.on('end', () => answer.end(() => resolve()));
                response.on('close', () => resolve());
            });
            onward.on('error', reject);
            answer.on('close', () => onward.destroy());
            onward.end(body);
        });
    }
}
