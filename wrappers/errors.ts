/** Where an exit code comes from: the virtual machine, Tact's own checks, or a folder of contracts/. */
export type ErrorModule = 'tvm' | 'tact' | 'common' | 'session' | 'provider' | 'settlement' | 'registry' | 'attestation' | 'catalog' | 'job' | 'listing';

/** One exit code of a transaction or of a get-method. */
export type ErrorEntry = {
    /** Name without spaces; for codes from 1000 on the Tact constant is called `Err` + name. */
    readonly name: string;
    readonly code: number;
    readonly module: ErrorModule;
    /** What happened. */
    readonly meaning: string;
    /** What to do about it. */
    readonly remedy: string;
};

const CallerBug = 'Build messages with the wrappers of the same release as the contracts.';
const ContractBug = 'It should not happen with these contracts: please report the transaction.';

/**
 * Every exit code that a user of these contracts can meet, in ascending order. Codes from 1000 on are those of
 * `contracts/<module>/errors.tact`; below, the virtual machine's (2 to 14), the action phase's (32 to 50) and Tact's
 * (128 to 138).
 */
export const ErrorTable = [
    {
        name: 'StackUnderflow',
        code: 2,
        module: 'tvm',
        meaning: 'An instruction found too few values on the stack.',
        remedy: 'For a get-method: pass all of its arguments. Else: ' + ContractBug,
    },
    { name: 'StackOverflow', code: 3, module: 'tvm', meaning: 'The stack grew too large.', remedy: ContractBug },
    {
        name: 'IntegerOverflow',
        code: 4,
        module: 'tvm',
        meaning: 'A number does not fit 257 bits, or something was divided by zero.',
        remedy: ContractBug,
    },
    {
        name: 'IntegerOutOfRange',
        code: 5,
        module: 'tvm',
        meaning: 'A number is outside the range of its field, for instance an amount below zero.',
        remedy: CallerBug,
    },
    {
        name: 'InvalidOpcode',
        code: 6,
        module: 'tvm',
        meaning: 'The code holds an unknown instruction.',
        remedy: ContractBug,
    },
    {
        name: 'TypeCheck',
        code: 7,
        module: 'tvm',
        meaning: 'A value has another type than the instruction expects.',
        remedy: 'For a get-method: pass arguments of the right types. Else: ' + ContractBug,
    },
    {
        name: 'CellOverflow',
        code: 8,
        module: 'tvm',
        meaning: 'More than 1,023 bits or 4 references were written into a cell.',
        remedy: CallerBug,
    },
    {
        name: 'CellUnderflow',
        code: 9,
        module: 'tvm',
        meaning: 'A message or a cell in it is shorter or longer than its layout says.',
        remedy: CallerBug,
    },
    {
        name: 'Dictionary',
        code: 10,
        module: 'tvm',
        meaning: 'A dictionary is malformed.',
        remedy: CallerBug,
    },
    {
        name: 'Unknown',
        code: 11,
        module: 'tvm',
        meaning: 'The get-method does not exist, or the virtual machine gave no reason.',
        remedy: 'Check the address: it may belong to another contract, or to another release of this one.',
    },
    { name: 'Fatal', code: 12, module: 'tvm', meaning: 'The virtual machine met a fatal error.', remedy: ContractBug },
    {
        name: 'OutOfGas',
        code: 13,
        module: 'tvm',
        meaning: 'The value of the message does not pay for the gas that the operation needs.',
        remedy: 'Send more; minimumValues(prices) tells how much. What is not used comes back.',
    },
    { name: 'Virtualization', code: 14, module: 'tvm', meaning: 'A pruned cell was read.', remedy: ContractBug },
    {
        name: 'ActionListInvalid',
        code: 32,
        module: 'tvm',
        meaning: 'The list of actions is malformed.',
        remedy: ContractBug,
    },
    {
        name: 'ActionListTooLong',
        code: 33,
        module: 'tvm',
        meaning: 'More than 255 actions in one transaction (from a wallet v3 or v4: its sequence number is wrong).',
        remedy: "Read the wallet's sequence number again and repeat.",
    },
    {
        name: 'ActionInvalid',
        code: 34,
        module: 'tvm',
        meaning: 'An action is invalid or not supported.',
        remedy: ContractBug,
    },
    {
        name: 'InvalidSource',
        code: 35,
        module: 'tvm',
        meaning: 'An outgoing message names a wrong source.',
        remedy: ContractBug,
    },
    {
        name: 'InvalidDestination',
        code: 36,
        module: 'tvm',
        meaning: 'An outgoing message goes to an address that does not exist, for instance in an unknown workchain.',
        remedy: 'Use basechain addresses (workchain 0) for every party.',
    },
    {
        name: 'NotEnoughCoins',
        code: 37,
        module: 'tvm',
        meaning: "The contract's balance does not cover what it has to send.",
        remedy: 'Send more value; minimumValues(prices) tells how much. Anyone can top up a balance below its reserve.',
    },
    {
        name: 'NotEnoughExtraCurrencies',
        code: 38,
        module: 'tvm',
        meaning: 'The balance of an extra currency does not cover what is to be sent.',
        remedy: 'Send plain coins only: these contracts know no other currency.',
    },
    {
        name: 'MessageDoesNotFit',
        code: 39,
        module: 'tvm',
        meaning: 'An outgoing message does not fit a cell.',
        remedy: ContractBug,
    },
    {
        name: 'MessageNotProcessed',
        code: 40,
        module: 'tvm',
        meaning: 'An outgoing message could not be processed: too few coins for its forward fee, or too large.',
        remedy: 'Send more value; minimumValues(prices) tells how much.',
    },
    { name: 'LibraryNull', code: 41, module: 'tvm', meaning: 'A library reference is empty.', remedy: ContractBug },
    { name: 'LibraryChange', code: 42, module: 'tvm', meaning: 'A library could not be changed.', remedy: ContractBug },
    {
        name: 'LibraryTooLarge',
        code: 43,
        module: 'tvm',
        meaning: 'A library has too many cells or is too deep.',
        remedy: ContractBug,
    },
    {
        name: 'StateTooLarge',
        code: 50,
        module: 'tvm',
        meaning: "The account's state would exceed the chain's limits.",
        remedy: ContractBug,
    },
    {
        name: 'NullReference',
        code: 128,
        module: 'tact',
        meaning: 'A value that must be there is null.',
        remedy: CallerBug,
    },
    {
        name: 'InvalidPrefix',
        code: 129,
        module: 'tact',
        meaning: 'A message begins with another operation than the one that is parsed.',
        remedy: CallerBug,
    },
    {
        name: 'InvalidIncomingMessage',
        code: 130,
        module: 'tact',
        meaning: 'The contract has no receiver for this message: unknown operation, or a text comment.',
        remedy: 'Check the address and the operation; wrappers/messages.tlb lists what each contract receives.',
    },
    { name: 'Constraints', code: 131, module: 'tact', meaning: 'A constraint is violated.', remedy: ContractBug },
    {
        name: 'TactAccessDenied',
        code: 132,
        module: 'tact',
        meaning: "The sender may not do this (Tact's own check).",
        remedy: ContractBug,
    },
    { name: 'ContractStopped', code: 133, module: 'tact', meaning: 'The contract is stopped.', remedy: ContractBug },
    {
        name: 'InvalidArgument',
        code: 134,
        module: 'tact',
        meaning: 'An argument of a Tact function is invalid.',
        remedy: CallerBug,
    },
    {
        name: 'CodeNotFound',
        code: 135,
        module: 'tact',
        meaning: 'The code of a child contract was not found.',
        remedy: ContractBug,
    },
    {
        name: 'InvalidAddress',
        code: 136,
        module: 'tact',
        meaning: 'An address is not a standard address.',
        remedy: 'Send from an ordinary account of the basechain.',
    },
    {
        name: 'NotBasechainAddress',
        code: 138,
        module: 'tact',
        meaning: "An address is not in the basechain (Tact's own check).",
        remedy: 'Use basechain addresses (workchain 0).',
    },
    {
        name: 'NotBasechain',
        code: 1000,
        module: 'common',
        meaning: 'The sender does not live in the basechain (workchain 0).',
        remedy: 'Send from a wallet in the basechain.',
    },
    {
        name: 'ValueTooLow',
        code: 1001,
        module: 'common',
        meaning: 'The message carries less value than the operation costs.',
        remedy: 'Send more; minimumValues(prices) tells how much. What is not used comes back.',
    },
    {
        name: 'BadSignature',
        code: 1002,
        module: 'common',
        meaning: "The signature is not the key holder's over this payload.",
        remedy:
            'Sign for this network, this contract and this life of it (global id, address, openedLt), with the key ' +
            'that the contract holds.',
    },
    {
        name: 'BadKey',
        code: 1003,
        module: 'common',
        meaning: 'The public key is of small order or not canonically encoded: anyone could sign for it.',
        remedy: 'Make a key pair with a proper generator; isAcceptableEd25519Key and isAcceptableX25519Key check it.',
    },
    {
        name: 'Malformed',
        code: 1004,
        module: 'common',
        meaning: 'A cell has other bits or references than its layout says.',
        remedy: CallerBug,
    },
    {
        name: 'AccessDenied',
        code: 1005,
        module: 'common',
        meaning: 'The sender is not the one that this operation belongs to.',
        remedy: 'Send from the owner, the client, governance, or the contract that the operation names.',
    },
    {
        name: 'NotOpen',
        code: 1100,
        module: 'session',
        meaning: 'The session is not open, or its close window has ended.',
        remedy: 'Read session_data: open it first, or settle through FinishClose.',
    },
    {
        name: 'AlreadyOpened',
        code: 1101,
        module: 'session',
        meaning: 'The session was opened already.',
        remedy: 'Use it, or choose another salt for another session with this provider.',
    },
    {
        name: 'OtherLife',
        code: 1102,
        module: 'session',
        meaning: 'The message belongs to another life of this escrow, and has no effect.',
        remedy: 'Nothing: an answer came late. The session goes on as session_data shows.',
    },
    {
        name: 'NothingDue',
        code: 1103,
        module: 'session',
        meaning: 'Nothing is due: the voucher is not above what was claimed, or the deposit is used up.',
        remedy: 'Claim with a newer voucher, or have the deposit topped up.',
    },
    {
        name: 'DepositTooLow',
        code: 1104,
        module: 'session',
        meaning: "The deposit is below the offer's minimum.",
        remedy: 'Open with openSessionValue(prices, deposit) for a deposit of at least offer.minDeposit.',
    },
    {
        name: 'CreditWindow',
        code: 1105,
        module: 'session',
        meaning: "The credit window is above the offer's maximum.",
        remedy: 'Choose a credit window of at most offer.maxCreditWindow.',
    },
    {
        name: 'CloseWindow',
        code: 1106,
        module: 'session',
        meaning: 'The close window is shorter than 15 minutes or longer than 30 days.',
        remedy: 'Choose 900 to 2,592,000 seconds.',
    },
    {
        name: 'TooEarly',
        code: 1107,
        module: 'session',
        meaning: 'The close window, or the deadline of the opening, has not ended.',
        remedy: 'Wait until session_data.deadline.',
    },
    {
        name: 'NotClosing',
        code: 1108,
        module: 'session',
        meaning: 'The session is not closing.',
        remedy: 'The client starts with StartClose; FinishClose follows when the close window has ended.',
    },
    {
        name: 'ReceiptClaimUsed',
        code: 1109,
        module: 'session',
        meaning: 'The one receipt-only claim of this session was made already.',
        remedy: 'Claim with a voucher.',
    },
    {
        name: 'NotAttested',
        code: 1110,
        module: 'session',
        meaning: "The session's attestation snapshot has expired, or there is none (tier open).",
        remedy: 'Claim with a voucher: a receipt alone counts only for an attested provider.',
    },
    {
        name: 'OpenTier',
        code: 1111,
        module: 'session',
        meaning: 'The session asks for no attestation: there is nothing to refresh.',
        remedy: 'Nothing: a session of tier open goes on without a record. Open another with leastTier tdx to demand one.',
    },
    {
        name: 'Initialised',
        code: 1200,
        module: 'provider',
        meaning: 'The provider was initialised already, or is not initialised yet.',
        remedy: 'Register through the registry, and wait until the provider is active.',
    },
    {
        name: 'Retired',
        code: 1201,
        module: 'provider',
        meaning: 'The provider has retired.',
        remedy: 'Register a new provider: retiring is final.',
    },
    {
        name: 'TooManyOffers',
        code: 1202,
        module: 'provider',
        meaning: 'The provider has 16 offers already.',
        remedy: 'Remove one in the same message: UpdateOffers with remove and add.',
    },
    {
        name: 'NoSuchOffer',
        code: 1203,
        module: 'provider',
        meaning: 'There is no such offer.',
        remedy: 'Name an offer by the hash of its cell, as the keys of provider_data.offers show.',
    },
    {
        name: 'BadEndpoint',
        code: 1204,
        module: 'provider',
        meaning: 'The endpoint is not one cell of 1 to 127 bytes.',
        remedy: 'Use packEndpoint with a URL of at most 127 bytes.',
    },
    {
        name: 'BadNonce',
        code: 1205,
        module: 'provider',
        meaning: "The quote's nonce is not one of this provider's, was used up, or has expired.",
        remedy: 'Ask for a nonce with RequestNonce and send a new quote within an hour.',
    },
    {
        name: 'BadReportData',
        code: 1206,
        module: 'provider',
        meaning: "The quote's report_data are not what they must be for this provider, network and context.",
        remedy: 'Make them with reportDataOf, for this provider and this network, and send along the same attestationContext.',
    },
    {
        name: 'VerdictExpired',
        code: 1207,
        module: 'provider',
        meaning: "The verdict's expiry has passed.",
        remedy: 'Bring newer collateral to the verifier, then send the quote again.',
    },
    {
        name: 'NotAttester',
        code: 1208,
        module: 'provider',
        meaning: 'The quote was sent by neither the owner nor the attester that the owner named.',
        remedy: 'Send it from the owner, or let the owner name the sender with SetAttester.',
    },
    {
        name: 'NoRecord',
        code: 1209,
        module: 'provider',
        meaning: 'The provider has no attestation record that holds: jobs are for tier tdx.',
        remedy: 'Send a quote to the verifier first; provider_data.attestedUntil tells how long a record holds.',
    },
    {
        name: 'NotInitialised',
        code: 1300,
        module: 'settlement',
        meaning: 'Provider has not initialised this settlement.',
        remedy: 'Wait for the end of the registration; if the account is gone, send DeploySettlement to the provider.',
    },
    {
        name: 'BadSequence',
        code: 1301,
        module: 'settlement',
        meaning: "The batch's sequence is not the next one.",
        remedy: 'Read settlement_data.sequence and sign again; if it has grown by one, the batch was sent already.',
    },
    {
        name: 'Expired',
        code: 1302,
        module: 'settlement',
        meaning: 'The batch has expired, or is valid for more than an hour.',
        remedy: 'Sign again with valid_until at most 3,600 seconds from now.',
    },
    {
        name: 'TooManyItems',
        code: 1303,
        module: 'settlement',
        meaning: 'The batch has more than 50 items.',
        remedy: 'Send several batches.',
    },
    {
        name: 'DailyCap',
        code: 1304,
        module: 'settlement',
        meaning: "The batch could cost more than what is left of the day's cap.",
        remedy: 'Send fewer items, wait for the next day (UTC), or let the owner raise the cap with SetFeeLimits.',
    },
    {
        name: 'FeeFloat',
        code: 1305,
        module: 'settlement',
        meaning: 'The batch could cost more than the fee float, or than the balance above the reserve.',
        remedy: 'Fund the float with FundFees, or send fewer items; batch_cost tells what a batch needs.',
    },
    {
        name: 'UnknownItem',
        code: 1306,
        module: 'settlement',
        meaning: 'The batch names an operation that does not exist; its sequence is used up.',
        remedy: 'Pack the items with packBatchItems and sign a new batch.',
    },
    {
        name: 'NothingToDistribute',
        code: 1307,
        module: 'settlement',
        meaning: 'There is nothing to distribute.',
        remedy: 'Claim first; the getter earnings() tells what there is.',
    },
    {
        name: 'BadShares',
        code: 1308,
        module: 'settlement',
        meaning: 'The shares do not add up to 10,000 basis points, or there are none or more than eight of them.',
        remedy: 'Name one to eight accounts with shares above zero that add up to 10,000.',
    },
    {
        name: 'FeeUnknown',
        code: 1309,
        module: 'settlement',
        meaning: 'The protocol fee is not known yet.',
        remedy: 'Send SyncFee first; anyone may.',
    },
    {
        name: 'OutOfBounds',
        code: 1400,
        module: 'registry',
        meaning: 'A proposed parameter is outside its hard bounds.',
        remedy:
            'At most 1,000 basis points of fee, 1,000 coins of deposit, 100 coins of registration fee, 10 coins of ' +
            'listing fee; a treasury that is not 0.',
    },
    {
        name: 'NoProposal',
        code: 1401,
        module: 'registry',
        meaning: 'Nothing is proposed.',
        remedy: 'Governance proposes first; registry_data.proposals shows what is announced.',
    },
    {
        name: 'DelayRunning',
        code: 1402,
        module: 'registry',
        meaning: 'The delay of the proposal has not ended.',
        remedy: 'Wait for the time in registry_data.proposals: seven days after the announcement.',
    },
    {
        name: 'NothingToCollect',
        code: 1403,
        module: 'registry',
        meaning: 'There are no fees to collect: the registry holds no more than its reserve.',
        remedy: 'Wait for registrations.',
    },
    {
        name: 'OtherVerifier',
        code: 1404,
        module: 'registry',
        meaning: "The registration names another verifier than this network's.",
        remedy: 'Use packRegistration with registry_data.verifier; null where that is 0.',
    },
    {
        name: 'NotListable',
        code: 1405,
        module: 'registry',
        meaning: "Only auctions of this network's own providers are listed.",
        remedy: "Post the job without a listing, or make it an auction of this registry's market: providerMarket(registry), no provider named.",
    },
    {
        name: 'CertificateRole',
        code: 1500,
        module: 'attestation',
        meaning: 'The certificate does not fit here: unknown subject or issuer, or a role that its constraints do not allow.',
        remedy: 'Send a certificate that Intel issued: of a PCK CA or of the TCB signer with AddCertificate, of a platform with RegisterPlatform.',
    },
    {
        name: 'CertificateDates',
        code: 1501,
        module: 'attestation',
        meaning: "The certificate's validity has not begun or has ended.",
        remedy: 'Get the current certificate from the provisioning service; check the clock.',
    },
    {
        name: 'Revoked',
        code: 1502,
        module: 'attestation',
        meaning: 'The certificate is revoked.',
        remedy: 'Nothing helps: Intel revoked it. Provision the machine anew.',
    },
    {
        name: 'UnknownIssuer',
        code: 1503,
        module: 'attestation',
        meaning: "The issuer's certificate is not known yet.",
        remedy: "Send the issuer's certificate first, with AddCertificate.",
    },
    {
        name: 'NoCrl',
        code: 1504,
        module: 'attestation',
        meaning: 'The certificate revocation list that has to be asked is missing.',
        remedy: "Send it with AddCrl; the root CA's list comes first. For ContinueCrl: the list is complete, or was never started.",
    },
    {
        name: 'CrlExpired',
        code: 1505,
        module: 'attestation',
        meaning: 'The certificate revocation list has expired.',
        remedy: 'Send the current list with AddCrl.',
    },
    {
        name: 'CrlOtherIssuer',
        code: 1506,
        module: 'attestation',
        meaning: 'The certificate revocation list is of another key of the issuer than the certificate.',
        remedy: "Send the list of the issuer's current certificate, or register the platform with its new PCK certificate.",
    },
    {
        name: 'NotNewer',
        code: 1507,
        module: 'attestation',
        meaning: 'The collateral is not newer than what is stored.',
        remedy: 'Nothing needs to be done: what is stored is at least as new.',
    },
    {
        name: 'CollateralDates',
        code: 1508,
        module: 'attestation',
        meaning: 'The collateral is not valid yet, or not any more.',
        remedy: 'Get the current collateral from the provisioning service and send it.',
    },
    {
        name: 'BadEcdsaSignature',
        code: 1509,
        module: 'attestation',
        meaning: 'The ECDSA signature, or the hint that comes with it, is wrong.',
        remedy: 'Build the message with @ton-compute/attestation, and check that the root key is the one that signed.',
    },
    {
        name: 'BadDate',
        code: 1510,
        module: 'attestation',
        meaning: 'A date or a number of the collateral is not in the form that Intel uses.',
        remedy: 'Report it with the collateral: Intel may have changed its format.',
    },
    {
        name: 'TooManyLevels',
        code: 1511,
        module: 'attestation',
        meaning: 'The list has more levels than can be stored.',
        remedy: 'Report it with the collateral: 40 levels are the limit.',
    },
    {
        name: 'UnknownPlatform',
        code: 1520,
        module: 'attestation',
        meaning: 'The platform is not registered.',
        remedy: "Send the machine's PCK certificate with RegisterPlatform first.",
    },
    {
        name: 'QuoteVersion',
        code: 1521,
        module: 'attestation',
        meaning: 'Quote version, key type or body type is not one of TDX quotes of version 4 or 5.',
        remedy: 'Use a quote of version 4 or 5 with an ECDSA P-256 attestation key.',
    },
    {
        name: 'TeeType',
        code: 1522,
        module: 'attestation',
        meaning: 'The TEE type is not TDX.',
        remedy: 'Use a quote of a TDX guest, not of an SGX enclave.',
    },
    {
        name: 'QeVendor',
        code: 1523,
        module: 'attestation',
        meaning: "The quoting enclave is not Intel's.",
        remedy: "Use Intel's TD quoting enclave.",
    },
    {
        name: 'AttestationKey',
        code: 1524,
        module: 'attestation',
        meaning: "The attestation key is not the one that the quoting enclave's report names.",
        remedy: 'Send the whole quote, with the report of its quoting enclave.',
    },
    {
        name: 'TdAttributes',
        code: 1525,
        module: 'attestation',
        meaning: 'The TD runs with debug or reserved attributes, or without SEPT_VE_DISABLE.',
        remedy: 'Start the guest without debugging and with SEPT_VE_DISABLE, and without migration.',
    },
    {
        name: 'ServiceTd',
        code: 1526,
        module: 'attestation',
        meaning: 'A service TD is bound to the TD.',
        remedy: 'Start the guest without a service TD.',
    },
    {
        name: 'NoQeIdentity',
        code: 1527,
        module: 'attestation',
        meaning: 'No identity of the quoting enclave is stored.',
        remedy: 'Send it with AddQeIdentity.',
    },
    {
        name: 'QeIdentity',
        code: 1528,
        module: 'attestation',
        meaning: 'The quoting enclave is not the one that the QE identity describes.',
        remedy: "Update the platform's DCAP software to Intel's TD quoting enclave.",
    },
    {
        name: 'NoTcbInfo',
        code: 1529,
        module: 'attestation',
        meaning: 'No TCB info is stored for this processor model.',
        remedy: "Send the TCB info of the platform's FMSPC with AddTcbInfo.",
    },
    {
        name: 'PceId',
        code: 1530,
        module: 'attestation',
        meaning: "The PCE-ID of the platform is not the TCB info's.",
        remedy: 'Report it: PCK certificate and TCB info contradict each other.',
    },
    {
        name: 'TdxModule',
        code: 1531,
        module: 'attestation',
        meaning: 'The TDX module is not one that the TCB info knows.',
        remedy: "Send newer TCB info, or load a TDX module that Intel's TCB info lists.",
    },
    {
        name: 'Seam',
        code: 1532,
        module: 'attestation',
        meaning: "The TDX module's signer or attributes are not those of the TCB info.",
        remedy: "Load Intel's production TDX module.",
    },
    {
        name: 'NoTcbLevel',
        code: 1533,
        module: 'attestation',
        meaning: 'No TCB level matches: something on the platform is older than the oldest level.',
        remedy: 'Update BIOS, microcode, TDX module and quoting enclave of the machine.',
    },
    {
        name: 'TcbRevoked',
        code: 1534,
        module: 'attestation',
        meaning: 'The TCB level of platform, module or quoting enclave is revoked.',
        remedy: 'Update the machine: Intel does not stand for this level any more.',
    },
    {
        name: 'BadDelay',
        code: 1600,
        module: 'catalog',
        meaning: "The catalog's delay is outside its bounds.",
        remedy: 'Deploy a catalog with a delay of 86,400 to 2,592,000 seconds; catalogDeployment checks it.',
    },
    {
        name: 'NotGenuine',
        code: 1601,
        module: 'catalog',
        meaning: 'The account did not begin as an empty catalog: what it lists was never announced.',
        remedy: 'Do not trust it. Compute the address with catalogDeployment(curator, salt, delay).',
    },
    {
        name: 'CatalogClosed',
        code: 1602,
        module: 'catalog',
        meaning: 'The catalog is closed, for ever.',
        remedy: 'Open another catalog, with another salt or from another wallet.',
    },
    {
        name: 'AlreadyListed',
        code: 1603,
        module: 'catalog',
        meaning: 'The measurement is listed already, announced or trusted.',
        remedy: 'Nothing, or remove it first to list it with another note: its delay then begins anew.',
    },
    {
        name: 'NotListed',
        code: 1604,
        module: 'catalog',
        meaning: 'The measurement is not listed.',
        remedy: 'Name one of the keys of catalog_data.measurements.',
    },
    {
        name: 'CatalogFull',
        code: 1605,
        module: 'catalog',
        meaning: 'The catalog lists 64 measurements already.',
        remedy: 'Remove one that nobody runs any more, or open another catalog with another salt.',
    },
    {
        name: 'BadNote',
        code: 1606,
        module: 'catalog',
        meaning: 'The note is not one cell of 1 to 127 bytes.',
        remedy: 'Use packNote with a text of at most 127 bytes.',
    },
    {
        name: 'NothingToWithdraw',
        code: 1607,
        module: 'catalog',
        meaning: 'There is nothing above the reserve that would be worth a message.',
        remedy: 'Nothing: the reserve pays the rent, and stays.',
    },
    {
        name: 'AlreadyPosted',
        code: 1700,
        module: 'job',
        meaning: 'The job was posted already.',
        remedy: 'Use it, or choose another salt for another job with these terms.',
    },
    {
        name: 'TermsTooLarge',
        code: 1701,
        module: 'job',
        meaning: "The job's terms are larger than its reserve covers.",
        remedy: 'Pack them with packJobTerms; the URL of the input has at most 508 bytes.',
    },
    {
        name: 'BadDeadline',
        code: 1702,
        module: 'job',
        meaning: 'The award deadline has passed, or is more than 30 days away; or the delivery time is not 1 minute to 30 days.',
        remedy: 'Choose an award deadline within 30 days and a delivery time of 60 to 2,592,000 seconds.',
    },
    {
        name: 'BondTooLow',
        code: 1703,
        module: 'job',
        meaning: 'The bond is below the least one, or below 5 % of the ceiling.',
        remedy: 'Choose a bond of at least leastBond(ceiling).',
    },
    {
        name: 'StepTooLow',
        code: 1704,
        module: 'job',
        meaning: 'The step is below 1 % of the ceiling, or 0.',
        remedy: 'Choose a step of at least leastBidStep(ceiling).',
    },
    {
        name: 'NotBidding',
        code: 1705,
        module: 'job',
        meaning: 'The job does not take bids, or cannot be awarded or cancelled any more.',
        remedy: 'Read job_data: an awarded job ends with the delivery or when its deadline has passed, any other with CancelJob or ExpireJob.',
    },
    {
        name: 'OtherBid',
        code: 1706,
        module: 'job',
        meaning: 'The award names another bid than the best one.',
        remedy: 'Read job_data again and award the job to provider and amount as they stand there.',
    },
    {
        name: 'NotAwarded',
        code: 1707,
        module: 'job',
        meaning: 'The job is not awarded, or its delivery deadline has passed.',
        remedy: 'Deliver after the award and before job_data.deliveryDeadline.',
    },
    {
        name: 'OtherJobLife',
        code: 1708,
        module: 'job',
        meaning: 'The message belongs to another life of this escrow, and has no effect.',
        remedy: 'Nothing: an answer came late. The job goes on as job_data shows.',
    },
    {
        name: 'RecordNotAccepted',
        code: 1709,
        module: 'job',
        meaning: "The provider's TCB status or measurement is not what the terms demand.",
        remedy: "Have the terms' image and an accepted TCB status attested, then deliver again before the deadline.",
    },
    {
        name: 'DeadlineAhead',
        code: 1710,
        module: 'job',
        meaning: "The deadline of the job's state has not passed.",
        remedy: 'Wait for the award deadline of the terms, or for job_data.deliveryDeadline after the award.',
    },
    {
        name: 'ListingInitialised',
        code: 1800,
        module: 'listing',
        meaning: 'The listing was initialised already, or is not initialised yet.',
        remedy: 'Nothing: only the registry initialises a listing, once. Read listings with a number below job_count().',
    },
] as const satisfies readonly ErrorEntry[];

type Entry = (typeof ErrorTable)[number];

/** Exit codes by name, for instance `Errors.NothingDue === 1103`. */
export const Errors = Object.fromEntries(ErrorTable.map(({ name, code }) => [name, code])) as {
    readonly [E in Entry as E['name']]: E['code'];
};

/** What the virtual machine reports for "out of gas" is negative: the transaction has exit code -14. */
const OutOfGasReported = -14;

/**
 * @param code exit code of a compute phase, result code of an action phase, or exit code of a get-method.
 * @returns what is known of it, or undefined. 0 and 1 are success and not in the table.
 */
export function errorByCode(code: number): ErrorEntry | undefined {
    const known = code === OutOfGasReported ? Errors.OutOfGas : code;
    return ErrorTable.find((entry) => entry.code === known);
}

/**
 * @param code as for {@link errorByCode}.
 * @returns one line for a person: what happened and what to do.
 */
export function describeExitCode(code: number): string {
    if (code === 0 || code === 1) {
        return `Exit code ${code}: success.`;
    }
    const entry = errorByCode(code);
    return entry === undefined
        ? `Exit code ${code}: not of these contracts. Check the address: it may belong to another contract or release.`
        : `Exit code ${code} (${entry.name}, ${entry.module}): ${entry.meaning} ${entry.remedy}`;
}
