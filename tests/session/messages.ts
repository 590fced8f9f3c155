import { beginCell, Cell } from '@ton/core';
import { packReceiptClaim, packSignedVoucher, SessionEscrow, SignedReceipt, SignedVoucher } from '../../wrappers';

// Bodies of every message that a SessionEscrow receives.

export const openSession = (): Cell =>
    beginCell().store(SessionEscrow.storeOpenSession({ $$type: 'OpenSession', queryId: 0n })).endCell();

export const sessionConfirmed = (openedLt: bigint, workerKey: bigint, expiry: bigint): Cell =>
    beginCell()
        .store(SessionEscrow.storeSessionConfirmed({ $$type: 'SessionConfirmed', openedLt, workerKey, expiry }))
        .endCell();

export const sessionRejected = (openedLt: bigint, reason = 2n): Cell =>
    beginCell().store(SessionEscrow.storeSessionRejected({ $$type: 'SessionRejected', openedLt, reason })).endCell();

export const claimVoucher = (voucher: SignedVoucher): Cell => claimVoucherCell(packSignedVoucher(voucher));

/** With any cell in the place of the voucher. */
export const claimVoucherCell = (voucher: Cell): Cell =>
    beginCell().store(SessionEscrow.storeClaimVoucher({ $$type: 'ClaimVoucher', voucher })).endCell();

export const claimReceipt = (receipt: SignedReceipt, voucher: SignedVoucher | null = null): Cell =>
    claimReceiptCell(packReceiptClaim(receipt, voucher));

/** With any cell in the place of the claim. */
export const claimReceiptCell = (claim: Cell): Cell =>
    beginCell().store(SessionEscrow.storeClaimReceipt({ $$type: 'ClaimReceipt', claim })).endCell();

export const finishSession = (voucher: SignedVoucher | null = null): Cell =>
    finishSessionCell(voucher === null ? Cell.EMPTY : packSignedVoucher(voucher));

/** With any cell in the place of the voucher. */
export const finishSessionCell = (voucher: Cell): Cell =>
    beginCell().store(SessionEscrow.storeFinishSession({ $$type: 'FinishSession', voucher })).endCell();

export const startClose = (): Cell =>
    beginCell().store(SessionEscrow.storeStartClose({ $$type: 'StartClose', queryId: 0n })).endCell();

export const finishClose = (): Cell =>
    beginCell().store(SessionEscrow.storeFinishClose({ $$type: 'FinishClose', queryId: 0n })).endCell();

export const reclaim = (): Cell =>
    beginCell().store(SessionEscrow.storeReclaim({ $$type: 'Reclaim', queryId: 0n })).endCell();

export const topUp = (): Cell =>
    beginCell().store(SessionEscrow.storeTopUp({ $$type: 'TopUp', queryId: 0n })).endCell();

/** The bounce of ConfirmSession as the chain makes it: the mark, then the first 256 bits of the body. */
export const bouncedConfirmation = (openedLt: bigint): Cell =>
    beginCell()
        .storeUint(0xffffffff, 32)
        .storeUint(SessionEscrow.SessionEscrow.opcodes.ConfirmSession, 32)
        .storeUint(openedLt, 64)
        .storeUint(0, 160)
        .endCell();

export const refreshAttestation = (): Cell =>
    beginCell().store(SessionEscrow.storeRefreshAttestation({ $$type: 'RefreshAttestation', queryId: 0n })).endCell();
