import { ChainPrices, computeFee, forwardFee, storageFee } from './fees';
import * as AttestationVerifier from './attestation_verifier';
import * as JobEscrow from './job_escrow';
import * as MeasurementCatalog from './measurement_catalog';
import * as Provider from './provider';
import * as ProviderRegistry from './provider_registry';
import * as RewardSettlement from './reward_settlement';
import * as SessionEscrow from './session_escrow';

/**
 * What to send with each operation. The functions up to `registrationValue` are those of contracts/<module>/fees.tact,
 * with the constants of the compiled contracts, so their results are the contracts' own to the last nanoTON. They
 * contain a margin of two against what is really used; the rest comes back or stays with the party that it belongs to.
 */

/** @returns nanoTON that an escrow keeps back for a year of rent: nobody can claim them. */
export function escrowReserve(prices: ChainPrices): bigint {
    return storageFee(prices, SessionEscrow.EscrowCells, SessionEscrow.EscrowBits, SessionEscrow.ReserveSeconds);
}

/** @returns nanoTON that stay in a provider for a year of rent. */
export function providerReserve(prices: ChainPrices): bigint {
    return storageFee(prices, Provider.ProviderCells, Provider.ProviderBits, SessionEscrow.ReserveSeconds);
}

/** @returns nanoTON that stay in a settlement for a year of rent. */
export function settlementReserve(prices: ChainPrices): bigint {
    const { SettlementCells, SettlementBits, ReserveSeconds } = RewardSettlement;
    return storageFee(prices, SettlementCells, SettlementBits, ReserveSeconds);
}

/** @returns nanoTON that stay in a registry for a year of rent. */
export function registryReserve(prices: ChainPrices): bigint {
    const { RegistryCells, RegistryBits, ReserveSeconds } = ProviderRegistry;
    return storageFee(prices, RegistryCells, RegistryBits, ReserveSeconds);
}

/** @returns nanoTON that stay in a catalog for a year of rent. */
export function catalogReserve(prices: ChainPrices): bigint {
    const { CatalogCells, CatalogBits, ReserveSeconds } = MeasurementCatalog;
    return storageFee(prices, CatalogCells, CatalogBits, ReserveSeconds);
}

/** @returns nanoTON that stay in a verifier for a year of rent. */
export function verifierReserve(prices: ChainPrices): bigint {
    const { VerifierCells, VerifierBits, ReserveSeconds } = AttestationVerifier;
    return storageFee(prices, VerifierCells, VerifierBits, ReserveSeconds);
}

/** @returns nanoTON for a message with an empty body. */
function coinsForwardFee(prices: ChainPrices): bigint {
    return forwardFee(prices, 0n, 0n);
}

/**
 * @param deposit nanoTON that the provider shall be able to claim; at least the offer's minDeposit.
 * @returns nanoTON to send with OpenSession: deposit, rent reserve, and what asking the provider costs. What asking
 * does not use stays in the escrow, can be claimed like the deposit, and comes back when the session is closed.
 */
export function openSessionValue(prices: ChainPrices, deposit: bigint): bigint {
    const opening = computeFee(prices, SessionEscrow.OpenSessionGas);
    return deposit + escrowReserve(prices) + confirmationBudget(prices) + opening;
}

/** @returns nanoTON that travel with the question to the provider, so that its answer arrives. */
function confirmationBudget(prices: ChainPrices): bigint {
    const { ConfirmSessionGas, SessionConfirmedGas, ConfirmSessionCells, ConfirmSessionBits, SessionConfirmedBits } =
        SessionEscrow;
    return (
        computeFee(prices, ConfirmSessionGas + SessionConfirmedGas) +
        forwardFee(prices, ConfirmSessionCells, ConfirmSessionBits) +
        forwardFee(prices, 0n, SessionConfirmedBits)
    );
}

/**
 * @returns least nanoTON of RefreshAttestation. What is above comes back at once; what asking the provider does not use
 * joins the session's deposit.
 */
export function refreshAttestationValue(prices: ChainPrices): bigint {
    return (
        computeFee(prices, SessionEscrow.RefreshAttestationGas) + confirmationBudget(prices) + coinsForwardFee(prices)
    );
}

/** @returns least nanoTON of ClaimVoucher; what is not used travels on with the payout. */
export function claimValue(prices: ChainPrices): bigint {
    return computeFee(prices, SessionEscrow.ClaimGas) + coinsForwardFee(prices);
}

/** @returns least nanoTON of FinishClose; what is not used goes to the client. */
export function finishValue(prices: ChainPrices): bigint {
    const { FinishGas, SessionClosedGas, SessionClosedCells, SessionClosedBits } = SessionEscrow;
    return (
        computeFee(prices, FinishGas) +
        computeFee(prices, SessionClosedGas) +
        forwardFee(prices, SessionClosedCells, SessionClosedBits) +
        2n * coinsForwardFee(prices)
    );
}

/** @returns nanoTON that one item of a batch can take from the fee float, whatever its kind. */
export function batchItemCost(prices: ChainPrices): bigint {
    const { BatchItemGas, BatchItemCells, BatchItemBits } = RewardSettlement;
    return finishValue(prices) + computeFee(prices, BatchItemGas) + forwardFee(prices, BatchItemCells, BatchItemBits);
}

/** @returns nanoTON that importing a batch's message costs at most; what it needs less returns to the fee float. */
function batchImportFee(prices: ChainPrices, count: number): bigint {
    const { BatchItemCells, BatchItemBits } = RewardSettlement;
    // Per item its arguments, and at most a list cell with its kind and account.
    const items = BigInt(count);
    return forwardFee(prices, items * (BatchItemCells + 1n) + 1n, items * (BatchItemBits + 264n));
}

/** @returns nanoTON that a batch of `count` items must find in the fee float and in what is left of the daily cap. */
export function batchCost(prices: ChainPrices, count: number, distribute: boolean): bigint {
    return (
        computeFee(prices, RewardSettlement.BatchGas) +
        batchImportFee(prices, count) +
        BigInt(count) * batchItemCost(prices) +
        (distribute ? distributeCost(prices) : 0n)
    );
}

/** @returns least nanoTON of Distribute and ReleaseFees; what is not used comes back. */
export function distributeCost(prices: ChainPrices): bigint {
    return computeFee(prices, RewardSettlement.DistributeGas) + coinsForwardFee(prices);
}

/**
 * @returns nanoTON that a distribution takes from the net earnings to tell the provider of the fee, for its counter. When
 * the fee is not worth its message, nothing is remitted and nothing told.
 */
export function feesRemittedBudget(prices: ChainPrices): bigint {
    return computeFee(prices, RewardSettlement.FeesRemittedGas) + coinsForwardFee(prices);
}

/** @returns least nanoTON of SyncFee; what is not used comes back. */
export function syncFeeValue(prices: ChainPrices): bigint {
    const { SyncFeeGas, SyncFeeBits } = RewardSettlement;
    return computeFee(prices, SyncFeeGas) + 3n * forwardFee(prices, 0n, SyncFeeBits);
}

/** @returns least nanoTON of SetKeys; what is not used becomes earnings of the settlement. */
export function setKeysValue(prices: ChainPrices): bigint {
    const { SetKeysGas, SetKeysBits } = Provider;
    return computeFee(prices, SetKeysGas) + forwardFee(prices, 0n, SetKeysBits);
}

/**
 * @param balance nanoTON that the catalog holds; 0 before it is deployed.
 * @returns least nanoTON of AddMeasurement: the getter addition_value. What the catalog lacks to its reserve stays
 * there, what is not used comes back. Rent goes on: for a message that arrives later, pass a little less.
 */
export function addMeasurementValue(prices: ChainPrices, balance: bigint): bigint {
    const lacking = catalogReserve(prices) - balance;
    const cost = computeFee(prices, MeasurementCatalog.AddMeasurementGas) + coinsForwardFee(prices);
    return cost + (lacking > 0n ? lacking : 0n);
}

/** @returns least nanoTON of RequestNonce; what is not used comes back with the answer. */
export function requestNonceValue(prices: ChainPrices): bigint {
    const { RequestNonceGas, NonceIssuedBits } = Provider;
    return computeFee(prices, RequestNonceGas) + forwardFee(prices, 0n, NonceIssuedBits);
}

/**
 * @returns nanoTON that must be left when a verdict arrives at its provider, or it is refused: to be added to what the
 * verification costs. What is not used goes to whoever sent the quote.
 */
export function attestationValue(prices: ChainPrices): bigint {
    const { QuoteAcceptedGas, SetWorkerKeyGas, SetWorkerKeyBits, AttestationOutcomeBits } = Provider;
    return (
        computeFee(prices, QuoteAcceptedGas + SetWorkerKeyGas) +
        forwardFee(prices, 0n, SetWorkerKeyBits) +
        forwardFee(prices, 0n, AttestationOutcomeBits)
    );
}

/** @returns nanoTON that a job keeps back for rent. */
export function jobReserve(prices: ChainPrices): bigint {
    return storageFee(prices, JobEscrow.JobCells, JobEscrow.JobBits, JobEscrow.JobReserveSeconds);
}

/**
 * @param ceiling nanoTON, as in the terms.
 * @param listing nanoTON for the registry: {@link listingValue}, or 0 for a job that is not listed.
 * @returns least nanoTON of PostJob; what is not used comes back when the job ends.
 */
export function postJobValue(prices: ChainPrices, ceiling: bigint, listing: bigint): bigint {
    const { JobClosedGas, ListingOutcomeGas, PostJobGas, JobTermsCells, JobClosedBits, ListingOutcomeBits } = JobEscrow;
    const closing =
        computeFee(prices, JobClosedGas) +
        computeFee(prices, ListingOutcomeGas) +
        2n * coinsForwardFee(prices) +
        forwardFee(prices, JobTermsCells, JobClosedBits) +
        forwardFee(prices, 0n, ListingOutcomeBits);
    return ceiling + listing + jobReserve(prices) + closing + computeFee(prices, PostJobGas);
}

/**
 * @param listingFee nanoTON, `registry_data.listingFee`.
 * @returns nanoTON for PostJob's `listing`: what must arrive at the registry (its getter listing_value), and its way there.
 */
export function listingValue(prices: ChainPrices, listingFee: bigint): bigint {
    const {
        ListingCells, ListingBits, ListingSeconds, InitialiseListingGas, ListJobGas, JobListedGas, ListingDeployCells,
        ListingDeployBits, JobListedBits,
    } = ProviderRegistry;
    const { JobTermsCells, JobClosedBits } = JobEscrow;
    return (
        listingFee +
        storageFee(prices, ListingCells, ListingBits, ListingSeconds) +
        computeFee(prices, InitialiseListingGas) +
        computeFee(prices, ListJobGas + JobListedGas) +
        forwardFee(prices, ListingDeployCells, ListingDeployBits) +
        forwardFee(prices, 0n, JobListedBits) +
        forwardFee(prices, JobTermsCells, JobClosedBits)
    );
}

/** @returns nanoTON that must be left beside the bond when a bid arrives at its job. */
function relayedBidCost(prices: ChainPrices): bigint {
    return computeFee(prices, JobEscrow.RelayedBidGas) + 2n * coinsForwardFee(prices);
}

/**
 * @param bond nanoTON, as in the terms.
 * @returns least nanoTON of RelayBid, bond included; what is not used comes back at once.
 */
export function bidValue(prices: ChainPrices, bond: bigint): bigint {
    const { RelayBidGas, RelayedBidBits } = JobEscrow;
    return bond + computeFee(prices, RelayBidGas) + forwardFee(prices, 0n, RelayedBidBits) + relayedBidCost(prices);
}

/** @returns least nanoTON of AwardJob; what is not used comes back. */
export function awardJobValue(prices: ChainPrices): bigint {
    return computeFee(prices, JobEscrow.AwardJobGas) + coinsForwardFee(prices);
}

/** @returns least nanoTON of RelayDelivery; what is not used comes back with the bond. */
export function deliveryValue(prices: ChainPrices): bigint {
    const { RelayDeliveryGas, RelayedDeliveryCells, RelayedDeliveryBits, RelayedDeliveryGas } = JobEscrow;
    return (
        computeFee(prices, RelayDeliveryGas) +
        forwardFee(prices, RelayedDeliveryCells, RelayedDeliveryBits) +
        computeFee(prices, RelayedDeliveryGas) +
        coinsForwardFee(prices)
    );
}

/** @returns least nanoTON of ExpireJob; what is not used goes to the client. */
export function expireJobValue(prices: ChainPrices): bigint {
    return computeFee(prices, JobEscrow.ExpireJobGas);
}

/** What a registration costs by the registry's parameters. */
export type RegistrationTerms = {
    /** nanoTON that a provider leaves while it is registered. */
    registrationDeposit: bigint;
    /** nanoTON, not returned. */
    registrationFee: bigint;
};

/**
 * @param parameters `registry_data.parameters` of the registry.
 * @returns least nanoTON of RegisterProvider: the getter registration_value. More than that becomes the fee float that
 * pays for batches, so a provider that wants to settle sends `batchCost(...)` of its largest batch on top.
 */
export function registrationValue(prices: ChainPrices, parameters: RegistrationTerms): bigint {
    const { RegisterProviderGas, InitialiseProviderGas, InitialiseSettlementGas, RegisterCells, RegisterBits } =
        Provider;
    const reserve = providerReserve(prices);
    const deposit = parameters.registrationDeposit > reserve ? parameters.registrationDeposit : reserve;
    return (
        deposit +
        parameters.registrationFee +
        settlementReserve(prices) +
        computeFee(prices, RegisterProviderGas + InitialiseProviderGas + InitialiseSettlementGas) +
        2n * forwardFee(prices, RegisterCells, RegisterBits)
    );
}

/**
 * Gas of operations for which the contracts demand no least value, twice what was measured in the worst case (16
 * offers, 8 beneficiaries, 64 measurements, a listed job with a bid); tests/wrappers/values.test.ts measures it again.
 */
const Gas = {
    startClose: 9_500n,
    reclaim: 8_600n,
    topUp: 5_300n,
    updateOffers: 31_000n,
    setEndpoint: 14_600n,
    setAttester: 16_000n,
    retire: 13_100n,
    setBeneficiaries: 28_700n,
    setFeeLimits: 14_000n,
    governance: 14_000n,
    collectFees: 11_500n,
    removeMeasurement: 16_300n,
    closeCatalog: 8_500n,
    withdrawSurplus: 7_800n,
    cancelJob: 16_000n,
};

/**
 * Operations of {@link minimumValues}; {@link openSessionValue}, {@link registrationValue}, {@link postJobValue} and
 * {@link bidValue} are for four more.
 */
export type Operation =
    | 'claimVoucher'
    | 'startClose'
    | 'finishClose'
    | 'reclaim'
    | 'topUp'
    | 'updateOffers'
    | 'setKeys'
    | 'setEndpoint'
    | 'retire'
    | 'deploySettlement'
    | 'setAttester'
    | 'requestNonce'
    | 'refreshAttestation'
    | 'setBeneficiaries'
    | 'setFeeLimits'
    | 'fundFees'
    | 'releaseFees'
    | 'distribute'
    | 'syncFee'
    | 'proposeParameters'
    | 'proposeGovernance'
    | 'cancelProposals'
    | 'applyParameters'
    | 'acceptGovernance'
    | 'collectFees'
    | 'addMeasurement'
    | 'removeMeasurement'
    | 'closeCatalog'
    | 'withdrawSurplus'
    | 'awardJob'
    | 'relayDelivery'
    | 'expireJob'
    | 'cancelJob';

/**
 * @returns the least nanoTON to send with each operation. With `topUp` and `fundFees` this is what the operation costs:
 * add the amount that shall arrive. With `addMeasurement` it is for a catalog that holds its reserve; else
 * {@link addMeasurementValue}. What is not used comes back, or stays with the party that it belongs to.
 */
export function minimumValues(prices: ChainPrices): Readonly<Record<Operation, bigint>> {
    /** An operation that returns its change in one message. */
    const withChange = (gas: bigint) => computeFee(prices, gas) + coinsForwardFee(prices);
    const governance = withChange(Gas.governance);
    return {
        claimVoucher: claimValue(prices),
        startClose: computeFee(prices, Gas.startClose),
        finishClose: finishValue(prices),
        reclaim: withChange(Gas.reclaim),
        topUp: computeFee(prices, Gas.topUp),
        updateOffers: withChange(Gas.updateOffers),
        setKeys: setKeysValue(prices),
        setEndpoint: withChange(Gas.setEndpoint),
        retire: withChange(Gas.retire),
        deploySettlement:
            computeFee(prices, Provider.InitialiseProviderGas + RewardSettlement.InitialiseSettlementGas) +
            forwardFee(prices, Provider.DeploySettlementCells, Provider.DeploySettlementBits),
        setAttester: withChange(Gas.setAttester),
        requestNonce: requestNonceValue(prices),
        refreshAttestation: refreshAttestationValue(prices),
        setBeneficiaries: withChange(Gas.setBeneficiaries),
        setFeeLimits: withChange(Gas.setFeeLimits),
        fundFees: computeFee(prices, RewardSettlement.FundFeesGas) + 1n,
        releaseFees: distributeCost(prices),
        distribute: distributeCost(prices),
        syncFee: syncFeeValue(prices),
        proposeParameters: governance,
        proposeGovernance: governance,
        cancelProposals: governance,
        applyParameters: governance,
        acceptGovernance: governance,
        collectFees: withChange(Gas.collectFees) + coinsForwardFee(prices),
        addMeasurement: addMeasurementValue(prices, catalogReserve(prices)),
        removeMeasurement: withChange(Gas.removeMeasurement),
        closeCatalog: withChange(Gas.closeCatalog),
        withdrawSurplus: withChange(Gas.withdrawSurplus),
        awardJob: awardJobValue(prices),
        relayDelivery: deliveryValue(prices),
        expireJob: expireJobValue(prices),
        cancelJob: computeFee(prices, Gas.cancelJob),
    };
}
