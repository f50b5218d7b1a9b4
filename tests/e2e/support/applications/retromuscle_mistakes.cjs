// What RetroMuscle does wrong, each as one page or job in a trace of its own. Prints what they got, as JSON.
// node retromuscle_mistakes.cjs NODE_MODULES URL SERVICE_TOKEN CASE OPTIONS_JSON
const { clientOf } = require('./supabase_client.cjs')
const { repositoryOf } = require('./retromuscle_repository.cjs')
const [modules, url, token, wanted, optionsJson] = process.argv.slice(2)
const options = JSON.parse(optionsJson)

const asking = (trace) => {
  const headers = { 'X-Fanin-Trace': trace, 'X-Fanin-Route': wanted }
  const repository = repositoryOf(clientOf(modules, url, token, { root: false, headers }))
  const call = (name) => async (...args) => {
    const { data, error } = await repository[name](...args)
    if (error) throw new Error(`${name}: ${error.message}`)
    return data
  }
  return Object.fromEntries(Object.keys(repository).map((name) => [name, call(name)]))
}

const cases = {
  async paymentExport(ask) {
    const creators = (await ask.listMonthlyTrackings('2025-06')).map((tracking) => tracking.creator_id)
    const profiles = await Promise.all(creators.map((id) => ask.getPayoutProfileByCreatorId(id)))
    return creators.map((id, at) => [id, profiles[at]])
  },
  async exportInALoop(ask) {
    const profiles = []
    for (const { creator_id: id } of await ask.listMonthlyTrackings('2025-06')) {
      profiles.push([id, await ask.getPayoutProfileByCreatorId(id)])
    }
    return profiles
  },
  async footageInALoop(ask) {
    const found = []
    for (const { id } of await ask.listMonthlyTrackings('2025-06')) {
      found.push([id, await ask.listVideosByTracking(id), await ask.listRushesByTracking(id)])
    }
    return found
  },
  async creatorDashboard(ask) {
    if (options.applied) await ask.listApplicationsByUserId(options.user)
    const creator = (await ask.listCreators()).find(({ user_id }) => user_id === options.user)
    await Promise.all([ask.listCreatorTrackings(creator.id), ask.getPayoutProfileByCreatorId(creator.id)])
    return creator
  },
  async bulkReview(ask) {
    for (const id of options.videos) {
      await ask.reviewVideoAsset(id, 'approved')
      const approved = (await ask.listVideosByTracking(options.tracking)).filter(({ status }) => status === 'approved')
      await ask.updateTrackingDelivered(options.tracking, { OOTD: approved.length })
    }
  },
  async upsertsInALoop(ask) {
    for (const tracking of options.trackings) await ask.upsertTracking(tracking)
    for (const { id } of options.trackings) await ask.updateTrackingDelivered(id, { OOTD: 1 })
  },
  async dashboards() {
    for (const [at, user] of options.users.entries()) {
      const ask = asking(`dashboard ${at}`)
      const [creator] = await Promise.all([ask.getCreatorByUserId(user), ask.listRates(), ask.listPackages(), ask.listMixes()])
      const trackings = await ask.listCreatorTrackings(creator.id)
      await Promise.all(trackings.flatMap(({ id }) => [ask.listVideosByTracking(id), ask.listRushesByTracking(id)]))
    }
    return { rates: await asking('at last').listRates() }
  },
}

cases[wanted](asking(wanted)).then((found) => process.stdout.write(JSON.stringify(found ?? null)))
