import { Client, ClientOptions } from '../client';
import { ClientError } from '../errors';
import { DefaultDatabase, RecordDatabase } from './database';
import { DatabaseJobStore } from './job-store';
import { DatabaseSessionStore } from './session-store';

/**
 * Connects to a network; sessions and jobs are kept in a database of the page's origin.
 * @throws ClientError `invalid_option` (also in a page that was not loaded securely), `chain_unreachable` or
 * `wrong_network`.
 */
export async function createClient(options: ClientOptions): Promise<Client> {
    if (!globalThis.isSecureContext || globalThis.indexedDB === undefined || globalThis.navigator.locks === undefined) {
        throw new ClientError(
            'invalid_option',
            'This page has no WebCrypto, IndexedDB or Web Locks, which browsers give to pages of https:// and of localhost ' +
                'only. Serve it from there, and use a newer browser.',
        );
    }
    const database = new RecordDatabase(options.store ?? DefaultDatabase);
    return Client.create(options, {
        sessions: new DatabaseSessionStore(database),
        jobs: new DatabaseJobStore(database),
    });
}
