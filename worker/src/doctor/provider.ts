import { OfferTerms } from '@ton-compute/contracts';

import { locateProvider, readProvider } from '../chain/provider-record';
import { messageOf, StartError } from '../errors';
import { ownCommand } from '../own-command';
import { addOfferCommand, registerCommand, setEndpointCommand, setKeysCommand } from '../registration';
import { Examination, Facts, onNetwork } from './doctor';
import { Finding, ok, problem, skipped, warning } from './finding';
import { ton } from './text';

/** What the chain says of the provider, against what this machine is and has. */
export async function* checkProvider({ facts, signal, sources }: Examination): AsyncIterable<Finding> {
    const { config, chain, registered, keys } = facts;
    if (config === undefined || chain === undefined) {
        yield skipped('provider', 'the chain cannot be asked');
        return;
    }
    if (registered !== true) {
        yield problem('provider', 'the configuration names none', {
            expected: 'provider.id: the address that the registration prints',
            next:
                keys === undefined
                    ? `make the keys first: ${ownCommand('keys', sources.file)}`
                    : onNetwork(registerCommand(keys, config.provider.publicEndpoint, config.provider.registry?.toString()), facts),
        });
        return;
    }
    try {
        const { id, registry } = config.provider;
        facts.provider = await readProvider(
            chain,
            await locateProvider(typeof id === 'bigint' ? { registry: registry!, index: id } : { address: id }),
        );
    } catch (error) {
        signal.throwIfAborted();
        yield problem('provider', messageOf(error), {
            expected: 'an active provider of this network',
            next: error instanceof StartError ? undefined : 'run doctor again; the API may be overloaded',
        });
        return;
    }
    yield checkStanding(facts, sources.file);
    yield checkKeys(facts);
    yield checkOffers(facts);
    yield checkShownEndpoint(facts);
}

function checkStanding({ provider, config }: Facts, file: string | undefined): Finding {
    const { address, index, active, registry } = provider!;
    const wanted = config!.provider.registry;
    if (wanted !== null && !wanted.equals(registry)) {
        return problem('provider', `${address.toString()} belongs to the registry ${registry.toString()}`, {
            expected: `${wanted.toString()}, as provider.registry says`,
            next: 'correct provider.registry or provider.id',
        });
    }
    return active
        ? ok('provider', `${address.toString()}, number ${index} of ${registry.toString()}`)
        : problem('provider', `${address.toString()} has retired`, {
              expected: 'an active one: nobody can open a session with this one',
              next: `claim what is left: ${ownCommand('settle', file)}; then register a new provider`,
          });
}

function checkKeys(facts: Facts): Finding {
    const { provider, config, keys } = facts;
    const shown = {
        workerKey: provider!.workerKey.toString('hex'),
        encryptionKey: provider!.encryptionKey.toString('hex'),
    };
    if (keys === undefined) {
        return skipped('keys on the chain', 'this machine has none to compare them with');
    }
    if (shown.workerKey === keys.workerKey && shown.encryptionKey === keys.encryptionKey) {
        return ok('keys on the chain', 'are those of this machine');
    }
    if (config!.provider.tier === 'tdx') {
        return ok('keys on the chain', 'are others; the worker puts its own there with its first quote');
    }
    return problem('keys on the chain', `worker ${shown.workerKey}, encryption ${shown.encryptionKey}`, {
        expected: `worker ${keys.workerKey}, encryption ${keys.encryptionKey}, which this machine holds`,
        next: `${onNetwork(setKeysCommand(provider!.address.toString(), keys), facts)}; or restore the backup of the right keys.json`,
    });
}

function checkOffers(facts: Facts): Finding {
    const { provider, weights } = facts;
    const hash = weights?.hash ?? null;
    const { offers, address } = provider!;
    if (hash === null && offers.length > 0) {
        return skipped('offer', `there are ${offers.length}; the hash of the weights is not known to compare them with`);
    }
    const own = offers.filter((offer) => offer.model.toString('hex') === hash);
    if (own.length === 0) {
        const others = offers.map(({ model }) => model.toString('hex')).join(', ');
        return problem('offer', others === '' ? 'the provider offers nothing' : `of other weights only: ${others}`, {
            expected: `one of ${hash ?? 'the weights of model.path'}`,
            next: onNetwork(addOfferCommand(address.toString(), hash ?? '<SHA-256 of the weights>'), facts),
        });
    }
    return ok('offer', own.map(describeOffer).join('; '));
}

function describeOffer({ prices, minDeposit }: OfferTerms): string {
    return (
        `prompt ${ton(prices.prompt)}, completion ${ton(prices.completion)} per 1,000,000 tokens, deposit at least ` +
        ton(minDeposit)
    );
}

function checkShownEndpoint(facts: Facts): Finding {
    const { provider, config } = facts;
    const { endpoint, address } = provider!;
    const wanted = config!.provider.publicEndpoint;
    return wanted === null || wanted === endpoint
        ? ok('endpoint on the chain', endpoint)
        : warning('endpoint on the chain', `${endpoint}: there clients go`, {
              expected: `${wanted}, as provider.publicEndpoint says`,
              next: onNetwork(setEndpointCommand(address.toString(), wanted), facts),
          });
}

