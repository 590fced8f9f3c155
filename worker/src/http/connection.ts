import { ServerResponse } from 'node:http';

import { corsHeaders, RequestIdHeader } from './cors';

/**
 * The way back to one client. Writing waits while the client does not read, but not for ever: a client that takes
 * nothing for `idleSeconds` is cut off. Writing to a client that has gone does nothing; `gone` has fired by then.
 */
export class Connection {
    private readonly left = new AbortController();

    constructor(
        private readonly response: ServerResponse,
        private readonly idleSeconds: number,
        /** Name of the request that is answered. */
        readonly requestId: string,
    ) {
        response.once('close', () => this.left.abort());
        if (response.destroyed) {
            this.left.abort();
        }
    }

    /** Fires when the socket is closed; also after a complete answer. */
    get gone(): AbortSignal {
        return this.left.signal;
    }

    /** Whether the status line was sent. */
    get begun(): boolean {
        return this.response.headersSent;
    }

    begin(status: number, headers: Record<string, string>): void {
        if (!this.left.signal.aborted) {
            this.response.writeHead(status, { ...corsHeaders, [RequestIdHeader]: this.requestId, ...headers });
        }
    }

    /** @returns when the client has room for more. */
    async write(bytes: Uint8Array): Promise<void> {
        if (this.left.signal.aborted || bytes.length === 0 || this.response.write(bytes)) {
            return;
        }
        await this.drained();
    }

    /** Ends the answer. */
    end(bytes: Uint8Array = new Uint8Array()): void {
        if (!this.left.signal.aborted) {
            this.response.end(bytes);
        }
    }

    /** Cuts the connection, so that the client sees that the answer is not complete. */
    cut(): void {
        this.response.destroy();
    }

    private drained(): Promise<void> {
        return new Promise((resolve) => {
            const finish = () => {
                clearTimeout(timer);
                this.response.off('drain', finish);
                this.response.off('close', finish);
                resolve();
            };
            const timer = setTimeout(() => {
                this.cut();
                finish();
            }, this.idleSeconds * 1000);
            this.response.once('drain', finish);
            this.response.once('close', finish);
        });
    }
}
