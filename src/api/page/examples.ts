/** Queries that GraphiQL opens with, a tab each. The name of a query is the title of its tab. */
export interface Example {
  query: string
  variables?: Record<string, unknown>
}

export const EXAMPLES: readonly Example[] = [
  {
    query: `query NewestBlocks {
  blocks(first: 10) {
    nodes {
      height
      hash
      timestamp
      extrinsicCount
      eventCount
      finalized
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`,
  },
  {
    query: `query OneBlock {
  # The newest; block(height: 5) and block(hash: "0x...") name another.
  block {
    height
    hash
    timestamp
    extrinsics(first: 20) {
      nodes {
        id
        pallet
        call
        signer
        success
        error {
          pallet
          name
        }
        events(first: 20) {
          nodes {
            pallet
            name
            data
          }
        }
      }
    }
  }
}
`,
  },
  {
    query: `query Metagraph($netuid: Int!, $atBlock: Int) {
  metagraph(netuid: $netuid, atBlock: $atBlock) {
    block {
      height
      hash
    }
    snapshotBlock
    exact
    neurons(orderBy: [STAKE_DESC]) {
      uid
      hotkey
      stake
      rank
      trust
      incentive
      dividends
      emission
      validatorPermit
      axon {
        ip
        port
      }
    }
  }
}
`,
    variables: { netuid: 1 },
  },
  {
    query: `query RichestAccounts {
  # account(address: "5...") asks for one.
  accounts(first: 3, orderBy: [TOTAL_DESC]) {
    nodes {
      address
      free
      reserved
      staked
      total
      delegations(first: 10) {
        nodes {
          hotkey
          amount
          delegate {
            owner
            take
          }
        }
      }
      transfers(first: 10) {
        nodes {
          id
          from
          to
          amount
          timestamp
        }
      }
    }
  }
}
`,
  },
  {
    query: `query LargestTransfers {
  transfers(first: 10, orderBy: [AMOUNT_DESC]) {
    nodes {
      id
      from
      to
      amount
      timestamp
      extrinsic {
        id
        success
      }
    }
    totalCount
    totalCountIsEstimate
  }
}
`,
  },
  {
    query: `query FailedCalls {
  extrinsics(first: 10, filter: { pallet: { equalTo: "SubtensorModule" }, success: { equalTo: false } }) {
    nodes {
      id
      call
      signer
      error {
        name
      }
      timestamp
    }
  }
}
`,
  },
  {
    query: `query Subnets {
  subnets {
    nodes {
      netuid
      n
      tempo
      burn
      emission
      hyperparamHistory(first: 5) {
        nodes {
          name
          blockHeight
          value
        }
      }
    }
  }
}
`,
  },
  {
    query: `query EpochAudits {
  # filter: { auditStatus: { equalTo: "DIFFERS" } } leaves those that are not exact.
  epochs(first: 10) {
    nodes {
      netuid
      blockHeight
      emissionDue
      emissionGiven
      emissionGap
      audit {
        status
        reason
        differences {
          uid
          field
          chain
          computed
        }
      }
    }
  }
  _metadata {
    audits {
      exact
      differs
      notAuditable
      unknown
    }
    reconciliation {
      blockHeight
      stakeGap
      balanceGap
      issuanceGap
    }
  }
}
`,
  },
  {
    query: `query StateOfTheIndex {
  _metadata {
    lastProcessedHeight
    targetHeight
    finalizedHeight
    lag
    chain
    specVersion
    gaps {
      from
      to
    }
    indexerHealthy
    reasons
    dbSize
    serviceLimits {
      maxCost
      maxDepth
      maxPageSize
    }
  }
}
`,
  },
]
