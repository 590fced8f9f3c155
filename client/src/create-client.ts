import { Client, ClientOptions } from './client';
import { FolderJobStore } from './jobs/folder-store';
import { FolderSessionStore } from './session/folder-store';

/**
 * Connects to a network; sessions and jobs are kept in a folder.
 * @throws ClientError `invalid_option`, `chain_unreachable` or `wrong_network`.
 */
export function createClient(options: ClientOptions): Promise<Client> {
    const sessions = new FolderSessionStore(options.store);
    return Client.create(options, { sessions, jobs: new FolderJobStore(sessions.folder) });
}
